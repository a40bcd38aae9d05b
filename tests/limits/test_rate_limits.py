"""Rate limits that a server has by default, and what does not count."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from sqlalchemy.engine import URL
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.call_dispatcher import client_host
from app.limits.errors import TooManyCalls
from app.limits.rate_limits import LIMITS as ALL_LIMITS
from app.limits.rate_limits import RateLimits, client_key
from app.limits.token_bucket import Rate
from app.main import create_app
from app.protocol.keys import Address
from app.protocol.messages import Dial
from app.push.vapid import VapidKey
from app.settings import Settings, load
from tests.api.conftest import Registered, post, register
from tests.conftest import Clock
from tests.deployment import Deployment, serving
from tests.http_client import http
from tests.people import Person, body, now_ms
from tests.push_service import PushService
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio

HOME = "192.0.2.1"
ELSEWHERE = "192.0.2.2"


class StillClock(Clock):
    """Clock that only a test moves."""

    def __init__(self) -> None:
        super().__init__()
        self._began = now_ms()

    def __call__(self) -> int:
        """Return the time, ms since the Unix epoch."""
        return self._began + self.ahead


class Environment:
    """Application, reached from many addresses, by another call each time."""

    def __init__(self, app: Callable[..., Any], clock: StillClock, bob: Person) -> None:
        self._app = app
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._said = 0
        self.clock = clock
        self.alice, self.bob = Person(), bob

    def at(self, ip: str) -> httpx.AsyncClient:
        """Return a client with this address."""
        if ip not in self._clients:
            transport = httpx.ASGITransport(self._app, client=(ip, 1))
            self._clients[ip] = httpx.AsyncClient(transport=transport, base_url="http://whisper")
        return self._clients[ip]

    def call(self, method: str, sender: Person | None = None) -> dict[str, Any]:
        """Return a call to Bob that was never made before."""
        return (sender or self.alice).to(method, self.bob, b=self._next_time())

    async def dial(self, ip: str = HOME) -> httpx.Response:
        """Alice dials Bob."""
        return await post(self.at(ip), self.call("dial"))

    async def close(self, ip: str = HOME) -> httpx.Response:
        """Alice calls Bob in another way."""
        return await post(self.at(ip), self.call("close"))

    async def stranger(self, ip: str = HOME) -> httpx.Response:
        """Somebody calls Bob for the first time."""
        return await post(self.at(ip), self.call("close", Person()))

    async def crowd(self) -> httpx.Response:
        """Somebody calls Bob for the first time, from a place of their own."""
        return await self.stranger(f"198.51.100.{self._said % 250}")

    async def update(self, ip: str = HOME) -> httpx.Response:
        """Alice asks the time."""
        return await post(self.at(ip), self.alice.update(sent_at=self._next_time()))

    async def newcomer(self, ip: str = HOME) -> httpx.Response:
        """Somebody registers for the first time."""
        return await post(self.at(ip), Person().update(subscription_json("https://fcm.googleapis.com/x")))

    async def forge(self, ip: str = HOME) -> httpx.Response:
        """Somebody calls in Alice's name."""
        return await post(self.at(ip), self.call("dial") | {"c": Person().sign(b"anything")})

    def _next_time(self) -> int:
        self._said += 1
        return self.clock() + self._said % 4000


@asynccontextmanager
async def entered(settings: Settings, clock: StillClock, bob: Person) -> AsyncIterator[Environment]:
    """Start the application, and yield the environment around it."""
    async with LifespanManager(create_app(settings, clock, monotonic_ms=clock)) as manager:
        yield Environment(manager.app, clock, bob)


@pytest.fixture
def clock() -> StillClock:
    """Return the server's clock, which stands still."""
    return StillClock()


@pytest.fixture
async def environment(settings: Settings, clock: StillClock, bob: Person) -> AsyncIterator[Environment]:
    """Yield a environment with the limits of every server."""
    async with entered(settings, clock, bob) as made:
        yield made


@pytest.fixture
async def registered(environment: Environment, push_service: PushService) -> Registered:
    """Return Bob, who can be reached from now on."""
    return await register(environment.at(ELSEWHERE), environment.bob, push_service.subscribe())


Deed = Callable[[Environment], Awaitable[httpx.Response]]

# What is limited, by its setting: how often at once, and then once in so many seconds.
LIMITS = [
    pytest.param("DIAL", Environment.dial, 5, 10, id="dials of one to another"),
    pytest.param("CALLS", Environment.close, 40, 6, id="calls of one to another"),
    pytest.param("CLIENT_CALLS", Environment.stranger, 40, 6, id="calls from one place to another"),
    pytest.param("RECIPIENT", Environment.crowd, 60, 1, id="calls to one"),
    pytest.param("UPDATES", Environment.update, 10, 6, id="updates of one"),
    pytest.param("NEW_ADDRESSES", Environment.newcomer, 30, 120, id="new addresses from one place"),
    pytest.param("REFUSED_SIGNATURES", Environment.forge, 20, 3, id="wrong signatures from one place"),
]
HOURLY = pytest.param("RECIPIENT_HOUR", Environment.crowd, 1000, 3.6, id="calls to one in an hour")


async def do(environment: Environment, deed: Deed, times: int) -> set[int]:
    """Do it so many times, and return the statuses."""
    return {(await deed(environment)).status_code for _ in range(times)}


def is_limited(response: httpx.Response, retry_after: int) -> bool:
    """Tell whether *response* is the documented refusal, with this time to wait."""
    assert set(response.json()) == {"ok", "timestamp", "code", "reason", "errors"}
    told = (response.status_code, response.json()["code"], response.headers.get("retry-after"))
    return told == (429, "too_many_calls", str(retry_after))


@pytest.mark.parametrize(("_name", "deed", "burst", "every"), LIMITS)
async def test_so_many_at_once_and_then_evenly(
    environment: Environment, _name: str, deed: Deed, burst: int, every: int
) -> None:
    """The next is refused, and told truly when it may be."""
    assert 429 not in await do(environment, deed, burst)
    assert is_limited(await deed(environment), retry_after=every)

    environment.clock.ahead += 1000 * (every - 1)
    assert is_limited(await deed(environment), retry_after=1)
    environment.clock.ahead += 1000
    assert (await deed(environment)).status_code != 429
    assert is_limited(await deed(environment), retry_after=every)


async def test_a_recipient_is_called_a_thousand_times_an_hour(
    settings: Settings, clock: StillClock, bob: Person
) -> None:
    """However many a minute they take."""
    often = Rate(2000, 1)
    raised = ("calls", "client_calls", "recipient", "unknown_recipients", "unregistered_senders")
    eager = settings.model_copy(update={f"limit_{name}": often for name in raised})

    async with entered(eager, clock, bob) as environment:
        for _ in range(50):
            statuses = await asyncio.gather(*(environment.close() for _ in range(20)))
            assert {response.status_code for response in statuses} == {404}
        assert is_limited(await environment.close(), retry_after=4)


@pytest.mark.parametrize(("name", "deed", "_burst", "_every"), [*LIMITS, HOURLY])
async def test_each_limit_has_its_setting(
    settings: Settings,
    clock: StillClock,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    deed: Deed,
    _burst: int,
    _every: float,
) -> None:
    """An operator names another rate."""
    monkeypatch.setenv(f"WHISPER_LIMIT_{name}", "2/20s")
    field = f"limit_{name.lower()}"
    changed = settings.model_copy(update={field: getattr(load(), field)})

    async with entered(changed, clock, bob) as environment:
        assert 429 not in await do(environment, deed, 2)
        assert is_limited(await deed(environment), retry_after=10)


def test_each_limit_has_a_setting_and_each_setting_a_limit() -> None:
    """One that the limits do not know would be looked for when it is off."""
    names = [name.removeprefix("limit_") for name in Settings.model_fields if name.startswith("limit_")]

    assert set(names) == ALL_LIMITS


async def test_all_limits_can_be_off(
    settings: Settings, clock: StillClock, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a server behind something else that limits."""
    monkeypatch.setenv("WHISPER_RATE_LIMITS", "off")
    off = settings.model_copy(update={"rate_limits": load().rate_limits})

    async with entered(off, clock, bob) as environment:
        for deed in (
            Environment.dial,
            Environment.close,
            Environment.stranger,
            Environment.update,
            Environment.newcomer,
            Environment.forge,
        ):
            assert 429 not in await do(environment, deed, 70)


async def test_a_refused_call_pushes_nothing(environment: Environment, registered: Registered) -> None:
    """Bob's telephone rings five times."""
    assert await do(environment, Environment.dial, 20) == {200, 429}

    assert len(registered.pushed) == 5


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "deed", [Environment.close, Environment.stranger], ids=["one sender", "one place with many keys"]
)
async def test_one_caller_leaves_others_their_part_of_a_recipient(
    environment: Environment, deed: Deed
) -> None:
    """Whoever calls for two hours as often as may be silences nobody: another gets through at any time."""
    reached = set()
    for _ in range(24):
        while (await deed(environment)).status_code == 200:
            pass
        reached.add((await environment.stranger(ELSEWHERE)).status_code)
        environment.clock.ahead += 300_000

    assert reached == {200}


async def test_limits_of_one_pair_are_not_anothers(environment: Environment, mallory: Person) -> None:
    """Who dials one too much hinders nobody else, and may dial another."""
    await do(environment, Environment.dial, 6)

    from_another = await post(environment.at(HOME), environment.call("dial", mallory))
    to_another = await post(
        environment.at(HOME), environment.alice.to("dial", mallory, b=environment.clock())
    )

    assert [response.json()["code"] for response in (from_another, to_another)] == ["unknown_recipient"] * 2


async def test_an_honest_retry_counts_for_nothing(environment: Environment, registered: Registered) -> None:
    """The same call again is answered as before, also when nothing else would be."""
    dial = environment.call("dial")
    retries = [(await post(environment.at(HOME), dial)).status_code for _ in range(20)]

    assert (set(retries), len(registered.pushed)) == ({200}, 1)
    assert await do(environment, Environment.dial, 4) == {200}
    assert is_limited(await environment.dial(), retry_after=10)
    assert (await post(environment.at(HOME), dial)).status_code == 200


async def test_copies_of_a_call_that_fails_are_no_way_around_a_limit(
    environment: Environment, registered: Registered, push_service: PushService
) -> None:
    """They wait for the first as retries do; but whatever is then pushed again counts."""
    push_service.script([{"status": 400, "delay": 0.1, "forever": True}])
    dial = environment.call("dial")

    first = asyncio.create_task(post(environment.at(HOME), dial))
    while not push_service.received:
        await asyncio.sleep(0.01)
    await asyncio.gather(first, *(post(environment.at(HOME), dial) for _ in range(20)))

    assert registered.pushed == []
    assert len(push_service.received) <= 5


async def test_a_forged_call_uses_up_nothing_of_alices(
    environment: Environment, registered: Registered
) -> None:
    """Only what she signed counts for her."""
    assert {(await environment.forge(ELSEWHERE)).status_code for _ in range(15)} == {401}

    assert await do(environment, Environment.dial, 5) == {200}
    assert len(registered.pushed) == 5


async def test_a_forged_call_tells_nobody_that_alice_calls_bob(
    environment: Environment, registered: Registered
) -> None:
    """It is refused as such, also when she is at her limit; she is told so herself."""
    await do(environment, Environment.dial, 5)

    assert (await environment.forge(ELSEWHERE)).status_code == 401
    assert is_limited(await environment.dial(), retry_after=10)
    assert len(registered.pushed) == 5


async def test_after_too_many_forgeries_no_signature_is_looked_at(
    environment: Environment, registered: Registered
) -> None:
    """A place that forges gets nothing through, good or bad; another does."""
    await do(environment, Environment.forge, 20)

    assert is_limited(await environment.dial(), retry_after=3)
    assert (await environment.dial(ELSEWHERE)).status_code == 200
    assert len(registered.pushed) == 1


@pytest.mark.parametrize(
    ("ip", "same", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::1"),
        ("192.0.2.9", "::ffff:192.0.2.9", "::ffff:192.0.2.8"),
        ("::ffff:192.0.2.9", "192.0.2.9", "::ffff:192.0.2.8"),
        ("192.0.2.9", "192.0.2.9", "192.0.2.8"),
    ],
    ids=["the /64 of IPv6", "IPv4", "IPv4 in IPv6", "not the /24 of IPv4"],
)
async def test_a_place_is_what_one_subscriber_has(
    environment: Environment, ip: str, same: str, other: str
) -> None:
    """An IPv4 address however it is spelled, or the /64 that every IPv6 subscriber has."""
    for _ in range(20):
        await environment.forge(ip)

    assert is_limited(await environment.forge(same), retry_after=3)
    assert (await environment.forge(other)).status_code == 401


async def test_a_known_address_is_not_new(environment: Environment, registered: Registered) -> None:
    """Where many have registered, those who are known may still renew."""
    await do(environment, Environment.newcomer, 30)
    browser = registered.browser
    renewal = registered.person.update(subscription_json(browser.endpoint, browser.p256dh, browser.auth))

    assert is_limited(await environment.newcomer(), retry_after=120)
    assert (await post(environment.at(HOME), renewal)).status_code == 200
    assert (await environment.newcomer(ELSEWHERE)).status_code == 200


async def test_a_page_elsewhere_can_read_how_long_to_wait(environment: Environment) -> None:
    """The refusal has the CORS headers, and exposes `Retry-After`."""
    await do(environment, Environment.dial, 5)

    response = await environment.at(HOME).post(
        "/dial", content=body(environment.call("dial")), headers={"Origin": "https://app.example.org"}
    )

    assert is_limited(response, retry_after=10)
    assert response.headers["access-control-expose-headers"].startswith("Retry-After, ")


def remembering(limits: RateLimits, app: ASGIApp) -> ASGIApp:
    """Return the *app* with these *limits*."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["state"]["app"] = replace(scope["state"]["app"], rate_limits=limits)
        await app(scope, receive, send)

    return served


async def test_one_place_can_not_make_limits_forget(
    settings: Settings, clock: StillClock, bob: Person, push_service: PushService
) -> None:
    """Keys are free: what they are counted in would be evicted by them, if they counted before the place."""
    limits = RateLimits(settings.rates, lambda _: None, size=100)  # more than a place may call at once
    app = remembering(limits, create_app(settings, clock, monotonic_ms=clock))
    async with LifespanManager(app) as manager:
        environment = Environment(manager.app, clock, bob)
        await register(environment.at(ELSEWHERE), bob, push_service.subscribe())
        caller = await register(environment.at(ELSEWHERE), Person(), push_service.subscribe())
        await do(environment, Environment.dial, 5)

        for number in range(300):
            sender = Person() if number % 2 else caller.person
            await post(environment.at(HOME), sender.to("dial", Person(), b=clock()))

        assert is_limited(await environment.dial(ELSEWHERE), retry_after=10)


async def test_a_flood_of_fresh_keys_is_forgotten_not_kept() -> None:
    """Limits fail open: memory has its bound, and beyond it whoever was limited may call again."""
    limits = RateLimits({"dial": Rate(1, 3600), "calls": Rate(60, 60)}, lambda _: None, size=1000)
    bob, used = Person().address, []

    async def dial(sender: int) -> None:
        message = Dial.model_construct(
            sender=Address(sender.to_bytes(32)), sent_at=0, recipient=bob, encryption_key=b""
        )
        charges = limits.check(message, HOME.encode(), now=0)
        await limits.count(charges, HOME.encode(), now=0)

    await dial(0)
    with pytest.raises(TooManyCalls):
        await dial(0)
    tracemalloc.start()
    for sender in range(1, 20_001):
        await dial(sender)
        if sender % 2000 == 0:
            used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    assert max(used) < 1.2 * used[0]
    await dial(0)


FORGERIES = 3


@pytest.fixture
def deployed(migrated: URL, tmp_path: Path) -> Deployment:
    """Return what it takes to serve in a process of its own."""
    env = {
        "WHISPER_DATABASE_URL": migrated.render_as_string(hide_password=False),
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_LIMIT_REFUSED_SIGNATURES": f"{FORGERIES}/6000s",  # none comes back meanwhile
    }
    return Deployment(0, env, tmp_path)


def forge_through_proxy(url: str, forwarded_for: str) -> int:
    """Send a call that nobody signed, as a proxy would, and return the status."""
    forged = Person().to("dial", Person()) | {"c": Person().sign(b"anything")}
    return http.post(
        f"{url}/dial", content=body(forged), headers={"X-Forwarded-For": forwarded_for}
    ).status_code


def test_a_trusted_proxy_says_who_calls(deployed: Deployment) -> None:
    """Whoever it saw last: what stands before that is the caller's own word."""
    trusting = replace(deployed, env=deployed.env | {"WHISPER_TRUSTED_PROXIES": "10.0.0.0/8,127.0.0.1"})

    with serving(trusting) as (_, server):
        before = {forge_through_proxy(server.url, f"203.0.113.{n}, 192.0.2.1") for n in range(FORGERIES)}
        after = [forge_through_proxy(server.url, seen) for seen in ("192.0.2.1", "192.0.2.2, 192.0.2.1")]
        others = [forge_through_proxy(server.url, seen) for seen in ("192.0.2.2", "192.0.2.1, 2001:db8::1")]

    assert (before, after, others) == ({401}, [429, 429], [401, 401])


def test_nobody_else_says_who_calls(deployed: Deployment) -> None:
    """Without a proxy to trust, a header is no way around a limit."""
    with serving(deployed) as (_, server):
        statuses = [forge_through_proxy(server.url, f"203.0.113.{n}") for n in range(FORGERIES + 1)]

    assert statuses == [401] * FORGERIES + [429]


@pytest.mark.parametrize("client", [None, ("/run/whisper.sock", 0)], ids=["no address", "a path"])
def test_a_client_without_an_address_has_limits_too(client: tuple[str, int] | None) -> None:
    """All that come by one socket count as one."""
    assert client_key(client_host({"client": client})) == (client or ("",))[0].encode()
