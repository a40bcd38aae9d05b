"""Limits in Redis: one bucket for all servers; without Redis each for itself."""

import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from app.doctor.report import examine
from app.limits.errors import TooManyCalls
from app.limits.rate_limits import RateLimits
from app.limits.redis_buckets import PAUSE_MS, open_redis_buckets
from app.limits.token_bucket import Rate
from app.protocol.messages import Close, Dial, RelayedMessage
from app.settings import Settings
from tests.conftest import Clock
from tests.people import Person, now_ms
from tests.processes import Program
from tests.scale.programs import free_port, redis

pytestmark = pytest.mark.anyio

HOME = bytes([192, 0, 2, 1])
RATES = {
    "dial": Rate(5, 50),
    "calls": Rate(7, 70),
    "new_addresses": Rate(2, 40),
    "refused_signatures": Rate(3, 9),
}
SECRET = bytes(32)


@dataclass
class Store:
    """A running Redis."""

    program: Program
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.program.process.pid, number)


@pytest.fixture
def store() -> Iterator[Store]:
    """Run a Redis."""
    port = free_port()
    with redis(port) as running:
        yield Store(running, port)
        running.process.send_signal(signal.SIGCONT)


@dataclass
class Server:
    """Limits of one server, and its observations of Redis."""

    limits: RateLimits
    seen: list[str]
    clock: Clock

    async def dial(self, message: RelayedMessage, who: bytes = HOME) -> int:
        """Count a call as a verified one is counted; return the seconds to wait, 0 if it is let through."""
        try:
            charges = self.limits.check(message, who, now=0)
            self.limits.check_sender(charges, now=0)
            await self.limits.count(charges, who, now=0)
        except TooManyCalls as refusal:
            return refusal.retry_after or 0
        return 0


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    """Close what a test opens."""
    async with AsyncExitStack() as stack:
        yield stack


async def server(store: Store, opened: AsyncExitStack, secret: bytes = SECRET) -> Server:
    """Return a server that shares its limits; its own clock is the test's to put forward."""
    seen: list[str] = []
    clock = Clock()
    shared = await opened.enter_async_context(
        open_redis_buckets(store.url, RATES, secret, lambda outcome, _: seen.append(outcome), clock)
    )
    return Server(RateLimits(RATES, lambda _: None, shared), seen, clock)


def dial(sender: Person | None = None, recipient: Person | None = None) -> Dial:
    """Return a call of somebody to somebody."""
    return Dial.model_construct(
        sender=(sender or Person()).address,
        sent_at=0,
        recipient=(recipient or Person()).address,
        encryption_key=b"",
    )


async def test_two_servers_have_one_bucket(store: Store, opened: AsyncExitStack) -> None:
    """Five dials at once, whoever is asked; the next may come in ten seconds."""
    one, other = await server(store, opened), await server(store, opened)
    call = dial()

    waits = [await each.dial(call) for each in (one, other, one, other, one, other, one)]

    assert waits == [0, 0, 0, 0, 0, 10, 10]


async def test_a_call_asks_once(store: Store, opened: AsyncExitStack) -> None:
    """All of its buckets in one round trip; one that is refused here asks nothing."""
    one = await server(store, opened)
    call = dial()

    waits = [await one.dial(call) for _ in range(7)]

    assert waits == [0] * 5 + [10] * 2
    assert one.seen == ["ok"] * 5


async def test_what_is_refused_by_one_limit_counts_for_none(store: Store, opened: AsyncExitStack) -> None:
    """A sixth dial takes nothing from the seven calls of the same pair."""
    one, other = await server(store, opened), await server(store, opened)
    alice, bob = Person(), Person()
    dials = [await each.dial(dial(alice, bob)) for each in (one, other) * 4]
    hanging_up = Close.model_construct(sender=alice.address, sent_at=0, recipient=bob.address)

    closes = [await each.dial(hanging_up) for each in (one, other, one)]

    assert dials == [0] * 5 + [10] * 3
    assert closes == [0, 0, 10]


async def test_the_time_to_wait_is_true(store: Store, opened: AsyncExitStack) -> None:
    """Whoever waits so long may again, once."""
    shared = await opened.enter_async_context(
        open_redis_buckets(store.url, {"dial": Rate(2, 2)}, SECRET, lambda *_: None, now_ms)
    )
    assert shared
    told = [await shared.take({"dial": b"somebody"}) for _ in range(3)]
    time.sleep(1)  # noqa: ASYNC251 - nothing else happens

    later = [await shared.take({"dial": b"somebody"}) for _ in range(2)]

    assert told == [{"dial": 0}, {"dial": 0}, {"dial": 1}]
    assert later == [{"dial": 0}, {"dial": 1}]


async def test_a_new_address_counts_for_its_place_everywhere(store: Store, opened: AsyncExitStack) -> None:
    """And says how long to wait."""
    one, other = await server(store, opened), await server(store, opened)
    await one.limits.charge("new_addresses", HOME, now=0)
    await other.limits.charge("new_addresses", HOME, now=0)

    with pytest.raises(TooManyCalls) as refused:
        await one.limits.charge("new_addresses", HOME, now=0)

    assert refused.value.retry_after == 20


async def test_who_forges_at_one_server_is_refused_at_all(store: Store, opened: AsyncExitStack) -> None:
    """Good calls and bad ones."""
    one, other = await server(store, opened), await server(store, opened)
    for _ in range(3):
        await one.limits.charge_refused_signature(HOME, now=0)

    with pytest.raises(TooManyCalls):
        await other.limits.charge_refused_signature(HOME, now=0)
    assert await other.dial(dial()) == 3
    assert await other.dial(dial(), who=b"elsewhere") == 0


async def test_redis_is_told_no_address(store: Store, opened: AsyncExitStack) -> None:
    """Not even as a hash that could be guessed: without the server's secret the same keys look otherwise."""
    alice, bob = Person(), Person()
    one = await server(store, opened)
    another = await server(store, opened, secret=b"another".ljust(32))
    async with Redis.from_url(store.url, decode_responses=True) as client:
        await one.dial(dial(alice, bob))
        first = {str(key) for key in await client.keys()}
        await another.dial(dial(alice, bob))
        keys = {str(key) for key in await client.keys()}
        lives = [await client.pttl(key) for key in keys]
        text = json.dumps([[key, str(await client.get(key))] for key in keys])

    assert (len(first), len(keys)) == (2, 4)
    for secret in (alice.address.text, bob.address.text, alice.address.raw.hex(), HOME.hex(), "192.0.2.1"):
        assert secret not in text
    assert all(0 < life <= 10_000 for life in lives)


async def test_a_redis_whose_clock_was_set_back_lets_calls_through(
    store: Store, opened: AsyncExitStack
) -> None:
    """Nobody waits until it is that late again."""
    one = await server(store, opened)
    call = dial()
    assert [await one.dial(call) for _ in range(6)][-1] == 10
    later = 1000 * (int(time.time()) + 3600)
    async with Redis.from_url(store.url, decode_responses=True) as client:
        for key in await client.keys():
            await client.set(key, f"99999999 {later}")

    other = await server(store, opened)

    assert await other.dial(call) == 0


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stalled"])
async def test_without_redis_each_server_counts_alone(
    store: Store, opened: AsyncExitStack, end: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is refused for it, and nobody waits for it but the first; it is said once."""
    one, other = await server(store, opened), await server(store, opened)
    call = dial()
    for each in (one, other):
        assert await each.dial(call) == 0

    store.send(end)
    alone = [await one.dial(call) for _ in range(6)]

    assert alone == [0, 0, 0, 0, 10, 10]
    assert one.seen == ["ok", "failed"]  # the others did not ask
    assert len([each for each in caplog.records if "Redis does not answer" in each.message]) == 1


async def test_it_is_shared_again_when_redis_is_back(store: Store, opened: AsyncExitStack) -> None:
    """After a stall nothing is answered with what was asked before."""
    one, other = await server(store, opened), await server(store, opened)
    store.send(signal.SIGSTOP)
    for _ in range(3):
        await one.dial(dial())
    store.send(signal.SIGCONT)
    one.clock.ahead += PAUSE_MS
    call = dial()

    waits = [await each.dial(call) for each in (one, other, one, other, one, other)]

    assert waits == [0, 0, 0, 0, 0, 10]
    assert one.seen[-3:] == ["ok", "ok", "ok"]


async def test_the_doctor_looks_at_it(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is away is something to mend."""
    nowhere = "postgresql://127.0.0.1:1/nowhere"
    for url in (store.url, "redis://127.0.0.1:1"):
        settings = Settings(_env_file=None, database_url=nowhere, redis_url=url, push_endpoints=())
        await examine(settings, nowhere)

    printed = capsys.readouterr().out
    assert "ok    Redis\n" in printed
    assert "FAIL  Redis: each server counts its limits alone." in printed
