"""Budget of untrusted push endpoints: verification, rate limit and circuit breaker."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import URL

from app.protocol.subscription import Subscription
from app.push.delivery import MAX_AT_ONCE_PER_SITE
from app.push.vapid import VapidKey
from app.push.verification_codes import EPOCH_MS, VerificationCodes
from app.settings import Settings
from app.store.database import Database
from app.store.subscriptions import Subscriptions
from tests.conftest import Clock
from tests.hostile.fake_internet import (
    Internet,
    PushReceiver,
    Request,
    created,
    post,
    settings_for,
    update,
    whisper,
)
from tests.people import Person, now_ms
from tests.push_service import PushService
from tests.vector_files import P256DH, subscription_at

pytestmark = pytest.mark.anyio

HOST = "up.example.org"
URL_THERE = f"https://{HOST}/push/c2VjcmV0"
BROWSERS = "https://fcm.googleapis.com/fcm/send/x"
NAMES = {HOST: ["93.184.215.14"], "fcm.googleapis.com": ["142.250.74.10"]}
VERIFICATION_S = 600  # from one verification push to an endpoint to the next
BURST = 10  # pushes to a stranger's host at once

NOW = 1_700_000_000_000 // EPOCH_MS * EPOCH_MS  # the hour begins
ADDRESS, TARGET = Person().address, subscription_at(URL_THERE).target
CODES = VerificationCodes(b"key")
CODE = CODES.make(ADDRESS, TARGET, NOW)


def test_a_code_is_short_text() -> None:
    """128 bits, which no one guesses, in 22 characters that need no escape."""
    assert len(CODE) == 22
    assert len(urlsafe_b64decode(CODE + "==")) == 16


@pytest.mark.parametrize("ms", [0, EPOCH_MS - 1, EPOCH_MS, 2 * EPOCH_MS - 1])
def test_a_code_is_good_in_its_hour_and_the_next(ms: int) -> None:
    """Long enough for a phone that was switched off."""
    assert CODES.verify(CODE, ADDRESS, TARGET, NOW + ms)


@pytest.mark.parametrize("ms", [-1, 2 * EPOCH_MS, 24 * EPOCH_MS])
def test_a_code_is_good_at_no_other_time(ms: int) -> None:
    """Neither before nor later."""
    assert not CODES.verify(CODE, ADDRESS, TARGET, NOW + ms)


@pytest.mark.parametrize(
    "other",
    [
        VerificationCodes(b"other").make(ADDRESS, TARGET, NOW),
        CODES.make(Person().address, TARGET, NOW),
        CODES.make(ADDRESS, subscription_at(URL_THERE + "x").target, NOW),
        CODES.make(ADDRESS, subscription_at(URL_THERE, auth="A" * 21 + "w").target, NOW),
        CODES.make(ADDRESS, subscription_at(URL_THERE, PushReceiver().at(URL_THERE)["c"]["a"]).target, NOW),
        "",
        CODE[:-1],
        CODE + "=",
        CODE.swapcase(),
        "\N{LATIN SMALL LETTER E WITH ACUTE}" * 22,
    ],
    ids=["key", "address", "endpoint", "auth", "p256dh", "empty", "shorter", "padded", "case", "not ASCII"],
)
def test_another_code_proves_nothing(other: str) -> None:
    """It is for one address and one subscription, under one key."""
    assert not CODES.verify(other, ADDRESS, TARGET, NOW)


def test_a_code_is_the_same_whatever_the_expiration() -> None:
    """A browser may say another one each time."""
    sent = {"a": URL_THERE, "b": NOW, "c": {"a": P256DH, "b": "BTBZMqHH6r4Tts7J_aSIgg"}}

    assert CODES.make(ADDRESS, Subscription.model_validate(sent).target, NOW) == CODE


@dataclass(frozen=True)
class Server:
    """A server that sends to any public host, and the Internet that it sees."""

    client: httpx.AsyncClient
    internet: Internet

    async def update(self, person: Person, subscription: dict[str, Any], code: str | None = None) -> str:
        """Send an update, and return the code of the answer."""
        answer = await post(self.client, update(person, subscription, code))
        return str(answer.json().get("code", "ok"))

    async def code_for(self, person: Person, phone: PushReceiver, url: str = URL_THERE) -> str:
        """Ask for a verification push, and return its code."""
        assert await self.update(person, phone.at(url)) == "endpoint_unverified"
        return str(phone.read(self.internet.requests[-1])["data"]["b"])


@pytest.fixture
def clock(clock: Clock) -> Clock:
    """Return a clock on which an hour has just begun, so that none ends during a test."""
    clock.ahead = EPOCH_MS - now_ms() % EPOCH_MS
    return clock


@pytest.fixture
async def server(migrated: URL, database: Database, clock: Clock) -> AsyncIterator[Server]:  # noqa: ARG001 - emptied
    """Run a server in public mode."""
    async with (
        Internet.running(NAMES) as internet,
        whisper(settings_for(migrated, "public"), internet.network, clock) as client,
    ):
        yield Server(client, internet)


async def dial(server: Server, bob: Person, clock: Clock) -> httpx.Response:
    """Let somebody dial *bob*."""
    return await post(server.client, Person().to("dial", bob, b=clock()))


@pytest.mark.parametrize(("url", "codes"), [(URL_THERE, [200] * 10 + [503]), (BROWSERS, [200] * 11)])
async def test_the_eleventh_push_at_once_is_for_browsers_only(
    server: Server, subscriptions: Subscriptions, bob: Person, clock: Clock, url: str, codes: list[int]
) -> None:
    """A stranger's host is asked to wait instead, and nothing is sent."""
    await subscriptions.upsert(bob.address, subscription_at(url), None, now_ms())

    ten = await asyncio.gather(*(dial(server, bob, clock) for _ in range(10)))
    eleventh = await dial(server, bob, clock)

    assert [answer.status_code for answer in (*ten, eleventh)] == codes
    assert len(server.internet.requests) == codes.count(200)
    if eleventh.status_code == 503:
        assert (eleventh.json()["code"], eleventh.headers["retry-after"]) == ("push_busy", "1")


async def test_other_keys_are_tried_within_the_budget(
    migrated: URL, subscriptions: Subscriptions, bob: Person, clock: Clock
) -> None:
    """A host that says that a subscription belongs to another key gets no more for that."""
    keys = ",".join(VapidKey.generate().private_text for _ in range(3))
    rotated = Settings(_env_file=None, vapid_private_key=keys).vapid_private_key
    settings = settings_for(migrated, "public").model_copy(update={"vapid_private_key": rotated})

    async def refuse(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    await subscriptions.upsert(bob.address, subscription_at(URL_THERE), None, now_ms())
    async with (
        Internet.running(NAMES) as internet,
        whisper(settings, internet.network, clock) as client,
    ):
        internet.answers = dict.fromkeys(NAMES, refuse)
        server = Server(client, internet)
        await asyncio.gather(*(dial(server, bob, clock) for _ in range(BURST)))

        assert len(internet.requests) <= BURST + 1


@pytest.mark.parametrize(("url", "asked"), [(URL_THERE, 5), (BROWSERS, 6)])
async def test_a_strangers_host_that_fails_is_left_alone(
    server: Server, subscriptions: Subscriptions, bob: Person, clock: Clock, url: str, asked: int
) -> None:
    """After five refusals in a row nothing is sent for a minute; a browser's host is always asked."""

    async def refuse(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server.internet.answers = dict.fromkeys(NAMES, refuse)
    await subscriptions.upsert(bob.address, subscription_at(url), None, now_ms())

    answers = [await dial(server, bob, clock) for _ in range(6)]

    assert len(server.internet.requests) == asked
    assert [answer.json()["code"] for answer in answers[:5]] == ["push_refused"] * 5
    assert answers[5].json()["code"] == ("push_busy" if asked == 5 else "push_refused")
    assert answers[5].headers.get("retry-after") == ("60" if asked == 5 else None)


async def test_verification_pushes_that_fail_leave_a_hosts_users_alone(
    server: Server, subscriptions: Subscriptions, bob: Person, clock: Clock
) -> None:
    """Strangers have any number sent to a host that refuses them, and use up their own budget alone."""

    async def refuse_strangers(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.target.endswith("/bob"):
            await created(request, writer)
        else:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server.internet.answers = dict.fromkeys(NAMES, refuse_strangers)
    url = URL_THERE.rpartition("/")[0]
    await subscriptions.upsert(bob.address, subscription_at(f"{url}/bob"), None, now_ms())

    codes = [
        await server.update(Person(), PushReceiver().at(f"{url}/{number}")) for number in range(BURST + 1)
    ]

    assert codes == ["push_refused"] * 5 + ["push_busy"] * (BURST - 4)
    assert (await dial(server, bob, clock)).status_code == 200


async def test_whoever_owns_a_domain_takes_only_a_part_of_the_connections(
    migrated: URL, subscriptions: Subscriptions, bob: Person, clock: Clock
) -> None:
    """Any number of hosts below it may hang: another one is sent to at once."""
    hosts = [f"up{number}.example.net" for number in range(2 * MAX_AT_ONCE_PER_SITE // BURST)]
    names = NAMES | {host: ["93.184.215.15"] for host in hosts}
    people = {host: Person() for host in hosts}
    for host, person in people.items():
        await subscriptions.upsert(person.address, subscription_at(f"https://{host}/x"), None, now_ms())
    await subscriptions.upsert(bob.address, subscription_at(URL_THERE), None, now_ms())
    released = asyncio.Event()

    async def hang(request: Request, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        await created(request, writer)

    async with (
        Internet.running(names) as internet,
        whisper(settings_for(migrated, "public"), internet.network, clock) as client,
    ):
        internet.answers = dict.fromkeys(hosts, hang)
        server = Server(client, internet)
        dials = [
            asyncio.create_task(dial(server, each, clock)) for each in people.values() for _ in range(BURST)
        ]
        async with asyncio.timeout(5):
            while sum(task.done() for task in dials) < len(dials) - MAX_AT_ONCE_PER_SITE:
                await asyncio.sleep(0.01)
        early = [task.result() for task in dials if task.done()]
        honest = await dial(server, bob, clock)
        released.set()
        await asyncio.gather(*dials)

    assert (len(early), honest.status_code) == (len(dials) - MAX_AT_ONCE_PER_SITE, 200)
    assert {answer.json()["code"] for answer in early} == {"push_busy"}


async def test_a_strangers_endpoint_is_registered_by_who_reads_it(
    server: Server, subscriptions: Subscriptions, bob: Person
) -> None:
    """One push brings the code, and nothing is stored before it comes back."""
    phone = PushReceiver()
    code = await server.code_for(bob, phone)
    before = await subscriptions.get(bob.address, now_ms())

    answer = await server.update(bob, phone.at(URL_THERE), code)

    assert (before, answer) == ([], "ok")
    assert await subscriptions.get(bob.address, now_ms())
    assert [phone.read(request) for request in server.internet.requests] == [
        {"data": {"a": "verify", "b": code}}
    ]


@pytest.mark.parametrize("theirs", ["address", "keys", "endpoint", None])
async def test_a_code_of_something_else_registers_nothing(
    server: Server, subscriptions: Subscriptions, bob: Person, clock: Clock, theirs: str | None
) -> None:
    """Of another address, other keys, another endpoint, or of nothing: a guess."""
    phone = PushReceiver()
    await server.code_for(bob, phone)
    clock.ahead += 1000 * VERIFICATION_S
    person = Person() if theirs == "address" else bob
    reader = PushReceiver() if theirs == "keys" else phone
    url = f"{URL_THERE}/other" if theirs == "endpoint" else URL_THERE
    code = await server.code_for(person, reader, url) if theirs else "A" * 22

    answer = await server.update(bob, phone.at(URL_THERE), code)

    assert answer in ("too_many_calls", "endpoint_unverified")
    assert not await subscriptions.get(bob.address, now_ms())


@pytest.mark.parametrize(("hours", "ending"), [(1, "ok"), (2, "endpoint_unverified")])
async def test_a_code_is_good_for_the_next_hour_only(
    server: Server, subscriptions: Subscriptions, bob: Person, clock: Clock, hours: int, ending: str
) -> None:
    """After that a new one is pushed."""
    phone = PushReceiver()
    code = await server.code_for(bob, phone)
    clock.ahead += hours * EPOCH_MS

    answer = await server.update(bob, phone.at(URL_THERE), code)

    assert answer == ending
    assert (await subscriptions.get(bob.address, now_ms()) != []) is (ending == "ok")
    assert len(server.internet.requests) == hours


async def test_what_is_proven_needs_no_code_again(server: Server, bob: Person) -> None:
    """A client registers at every start; it may say another expiration."""
    phone = PushReceiver()
    code = await server.code_for(bob, phone)
    await server.update(bob, phone.at(URL_THERE), code)

    again = await server.update(bob, phone.at(URL_THERE))
    renewed = await server.update(bob, phone.at(URL_THERE) | {"b": now_ms() + 100 * EPOCH_MS})

    assert (again, renewed, len(server.internet.requests)) == ("ok", "ok", 1)


async def test_new_keys_are_proven_anew(server: Server, bob: Person) -> None:
    """At an endpoint that was proven before; within ten minutes there is no second push."""
    phone = PushReceiver()
    code = await server.code_for(bob, phone)
    await server.update(bob, phone.at(URL_THERE), code)

    assert await server.update(bob, PushReceiver().at(URL_THERE), code) == "too_many_calls"


async def test_an_endpoint_gets_one_verification_push_in_ten_minutes(
    server: Server, bob: Person, mallory: Person, clock: Clock
) -> None:
    """Whoever asks, so that nobody is flooded through this server."""
    phone = PushReceiver()
    await server.code_for(bob, phone)

    soon = await post(server.client, update(mallory, phone.at(URL_THERE)))
    clock.ahead += 1000 * (VERIFICATION_S - 30)
    still = await server.update(bob, phone.at(URL_THERE))
    clock.ahead += 1000 * 30
    later = await server.update(bob, phone.at(URL_THERE))

    assert (soon.status_code, soon.json()["code"]) == (429, "too_many_calls")
    assert 0 < int(soon.headers["retry-after"]) <= VERIFICATION_S
    assert (still, later) == ("too_many_calls", "endpoint_unverified")
    assert len(server.internet.requests) == 2


async def test_a_browsers_endpoint_needs_no_proof(server: Server, bob: Person) -> None:
    """Its host is no stranger's choice, in public mode too."""
    assert await server.update(bob, PushReceiver().at(BROWSERS)) == "ok"
    assert server.internet.connected == []


@pytest.mark.parametrize("mode", ["browsers", "public"])
async def test_what_the_operator_names_needs_no_proof(
    migrated: URL, push_service: PushService, bob: Person, mode: str
) -> None:
    """Nor does anything in browsers mode: who is allowed there is known."""
    browser = push_service.subscribe()
    async with (
        Internet.running(NAMES) as internet,
        whisper(settings_for(migrated, mode, push_service.origin), internet.network) as client,
    ):
        server = Server(client, internet)
        named = await server.update(bob, PushReceiver().at(browser.endpoint))
        known = await server.update(Person(), PushReceiver().at(BROWSERS))

    assert (named, known) == ("ok", "ok")
    assert (internet.connected, push_service.received) == ([], [])


async def test_a_verification_push_that_did_not_arrive_is_told_and_costs_no_wait(
    server: Server, subscriptions: Subscriptions, bob: Person
) -> None:
    """Nobody waits ten minutes for a code that was never sent."""

    async def refuse(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    phone, honest = PushReceiver(), dict(server.internet.answers)
    server.internet.answers = dict.fromkeys(NAMES, refuse)
    busy = await server.update(bob, phone.at(URL_THERE))
    server.internet.answers = honest
    again = await server.update(bob, phone.at(URL_THERE))

    assert (busy, again) == ("push_busy", "endpoint_unverified")
    assert len(server.internet.requests) == 2
    assert not await subscriptions.get(bob.address, now_ms())
