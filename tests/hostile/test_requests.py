"""Hostile requests: every case of `requests.json`, against servers that run."""

import asyncio
import time
from dataclasses import replace

import httpx
import pytest
from asgi_lifespan import LifespanManager

from app.main import create_app
from app.settings import Settings
from app.store.database import POOL_OVERFLOW, POOL_SIZE
from app.store.subscriptions import Subscriptions
from tests.deadlines import MARGIN_S, SHORT_TIMEOUTS
from tests.hostile.environment import Environment, ResourceUsage, Server
from tests.hostile.raw_http import Reply
from tests.hostile.request_builder import (
    CASES,
    MIB,
    PEOPLE,
    TELLING,
    VECTORS,
    Built,
    CallContext,
    as_method,
    build,
    statuses,
    texts_in,
)
from tests.people import now_ms
from tests.push_service import PushService
from tests.vector_files import subscription_at

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("baseline")]  # first of all

ACCEPTED: list[int] = VECTORS["meta"]["classes"]["accept"]

# The deadline of a request, and what a busy machine may add.
DEADLINE_S = SHORT_TIMEOUTS.receive_s + MARGIN_S

# These are on the other side of the window's end when they arrive: they need a clock that stands still.
MOVING = ("offset -4999 ms", "offset -5000 ms", "offset +5001 ms")
TIMED = [name for name, case in CASES.items() if case["group"] == "time"]
SLOW = ["Content-Length larger than the body", "headers dribbled 1 byte per second"]
MEASURED = [name for name, case in CASES.items() if case.get("check") == "RSS grows < 1 MiB"]
LIMITED = {"messages from one sender": 40, "updates of one key": 10}
ALONE = (
    "update for a key one does not own",
    "same offer twice",
    "same offer to two instances at once",
    "offer data replayed as answer",
    "recipient equals sender",
    "push service says 410",
    "410 while bob re-registers",
    "two keys, one endpoint",
)
PLAIN = [name for name in CASES if name not in (*MOVING, *SLOW, *MEASURED, *LIMITED, *ALONE)]

# Seconds that no call needs to be faster than.
BLINK_S = 2

# What an allocator keeps for itself, though nobody uses it any more.
NOISE = 4 * MIB

# Alice's key is spelled alike in both alphabets, Carol's is not.
SPEAKERS = {"sender key base64url": "carol"}

# Where the protocol is more exact than the vectors: an endpoint that is not allowed is no malformed one.
DECIDED = {"update from an unknown endpoint host": {403}}


def assert_says_little(built: Built, reply: Reply) -> None:
    """Require that a reply is small, and that nothing of the request is in it."""
    said = f"{reply.headers} {reply.body.decode()}"
    assert len(reply.body) < 1024
    assert [text for text in texts_in(built.envelope) if text in said] == []
    assert len(built.body) < TELLING or built.body not in reply.body


async def assert_refused(environment: Environment, built: Built, reply: Reply, before: object) -> None:
    """Require that nothing came of a request: no push, and the rows are those of *before*."""
    assert_says_little(built, reply)
    assert reply.json.get("ok") is not True
    assert ("allow" in reply.headers) == (reply.status == 405)
    assert (environment.posted, await environment.rows()) == (0, before)


async def assert_accepted(environment: Environment, built: Built, reply: Reply, before: object) -> None:
    """Require one push of a call, exactly as it was signed, or a new row of an update."""
    assert_says_little(built, reply)
    relayed = [] if built.envelope["a"] == "update" else [built.envelope]
    assert (environment.pushed, await environment.rows() == before) == (relayed, bool(relayed))


@pytest.mark.parametrize("name", PLAIN)
async def test_a_request_ends_as_it_must(environment: Environment, name: str) -> None:
    """It is carried out, or refused without a trace, before any deadline."""
    case, before = CASES[name], await environment.rows()

    built, reply = await environment.send(case, SPEAKERS.get(name, "alice"))

    assert reply.status in DECIDED.get(name, statuses(case)), reply
    check = assert_accepted if reply.status in ACCEPTED else assert_refused
    await check(environment, built, reply, before)
    assert reply.seconds < DEADLINE_S


@pytest.mark.parametrize("name", TIMED)
async def test_the_window_ends_to_the_millisecond(
    name: str, settings: Settings, subscriptions: Subscriptions, push_service: PushService
) -> None:
    """With a clock that stands still, both ends of the window are in it, and nothing beyond."""
    case, now, bob = CASES[name], now_ms(), push_service.subscribe()
    await subscriptions.upsert(PEOPLE["bob"].address, subscription_at(bob.endpoint), None, now)

    async with (
        LifespanManager(create_app(settings, lambda: now)) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as client,
    ):
        response = await client.post(f"/{case['method']}", content=build(case, CallContext(now)).body)

    assert response.status_code in statuses(case)
    assert len(push_service.received) == (response.status_code == 200)


async def test_a_request_that_does_not_come_is_not_waited_for(environment: Environment) -> None:
    """A body or a head that takes too long is refused, or its connection closed."""
    before = await environment.rows()

    played = await asyncio.gather(*(environment.send(CASES[name]) for name in SLOW))

    for name, (built, reply) in zip(SLOW, played, strict=True):
        assert reply.status in statuses(CASES[name]), reply
        assert (reply.closed, reply.seconds < DEADLINE_S) == (True, True)
        await assert_refused(environment, built, reply, before)


@pytest.mark.parametrize("name", MEASURED)
async def test_a_large_request_takes_no_memory(environment: Environment, name: str) -> None:
    """What is too large is refused before it is there, or while it comes, and the connection closed."""
    case, before = CASES[name], await environment.rows()
    built, _ = await environment.send(case)  # what the first of its kind takes, is taken once

    grown, reply = await environment.server.memory_used_by(environment.server.post(case, built))

    assert reply.status in statuses(case), reply
    assert (grown < MIB, reply.seconds < DEADLINE_S) == (True, True)
    await assert_refused(environment, built, reply, before)


@pytest.mark.parametrize(("name", "burst"), LIMITED.items())
async def test_too_many_calls_are_refused(
    environment: Environment, rate_limited: Server, name: str, burst: int
) -> None:
    """With the limits that a server has by default: after a burst, a time to wait, and no push or row."""
    case, now, limited = CASES[name], now_ms(), replace(environment, server=rate_limited)
    built = [build(case, CallContext(now + number)) for number in range(case["times"])]
    began = time.monotonic()

    replies = [await rate_limited.post(case, call) for call in built[:burst]]
    stored = await limited.rows()
    replies += [await rate_limited.post(case, call) for call in built[burst:]]

    accepted = [reply for reply in replies if reply.status == 200]
    assert replies[:burst] == accepted[:burst]
    assert len(accepted) <= burst + 1 + (time.monotonic() - began)  # each second lets one more through
    assert {reply.status for reply in replies} == {200, *statuses(case)}
    assert replies[-1].headers["retry-after"].isdigit()
    assert_says_little(built[-1], replies[-1])
    assert limited.posted == (0 if case["method"] == "update" else len(accepted))
    assert await limited.rows() == stored


async def test_nobody_takes_over_a_registration(environment: Environment) -> None:
    """An update that another signed leaves the row as it is."""
    await environment.send(CASES["update base case"])
    before = await environment.rows()

    built, reply = await environment.send(CASES["update for a key one does not own"])

    assert (reply.status, await environment.row("alice") in before) == (401, True)
    await assert_refused(environment, built, reply, before)


async def test_the_same_offer_twice_is_one_push(environment: Environment) -> None:
    """An honest retry is answered as before."""
    case = CASES["same offer twice"]
    built, first = await environment.send(case)

    second = await environment.server.post(case, built)

    assert (first.status, second.status, environment.pushed) == (200, 200, [built.envelope])


async def test_the_same_offer_to_two_instances_is_one_push_each(
    environment: Environment, another: Server
) -> None:
    """Each process has its own memory, as the protocol says; a recipient drops the second."""
    case = CASES["same offer to two instances at once"]
    built = build(case, CallContext(now_ms()))

    replies = await asyncio.gather(*(each.post(case, built) for each in (environment.server, another) * 3))

    assert {reply.status for reply in replies} == {200}
    assert environment.pushed == [built.envelope] * 2


async def test_an_offer_does_not_become_an_answer(environment: Environment) -> None:
    """The method is not under the signature, so the server remembers what it relayed as what."""
    offer = build(CASES["offer base case"], CallContext(now_ms()))
    await environment.server.post(CASES["offer base case"], offer)
    answer = as_method(offer, "answer")

    reply = await environment.server.post(CASES["offer data replayed as answer"], answer)

    assert (reply.status, reply.json["code"], environment.pushed) == (409, "replayed", [offer.envelope])


async def test_one_may_call_oneself(environment: Environment) -> None:
    """Another device may have the same identity."""
    alice = environment.push_service.subscribe()
    await environment.server.register("alice", alice)

    _, reply = await environment.send(CASES["recipient equals sender"])

    assert (reply.status, len(alice.decrypted), environment.posted) == (200, 1, 1)


async def test_a_subscription_that_is_gone_is_forgotten(environment: Environment) -> None:
    """The push service says 410, so does the row."""
    environment.push_service.script([{"status": 410}])

    built, reply = await environment.send(CASES["push service says 410"])

    assert (reply.status, reply.json["code"], await environment.registered()) == (404, "recipient_gone", [])
    assert_says_little(built, reply)


async def test_a_subscription_that_is_newer_than_the_gone_one_stays(environment: Environment) -> None:
    """Only the row that was used is deleted."""
    environment.push_service.script([{"status": 410, "delay": 0.3}])
    playing = asyncio.create_task(environment.send(CASES["410 while bob re-registers"]))
    while not environment.posted:
        await asyncio.sleep(0.01)
    await environment.server.register("bob", environment.push_service.subscribe())
    newer = await environment.registered()

    _, reply = await playing

    assert (reply.status, await environment.registered()) == (404, newer)


async def test_two_people_may_share_an_endpoint(environment: Environment) -> None:
    """Two identities in one browser: both rows exist."""
    case = CASES["two keys, one endpoint"]
    await environment.send(case, speaker="carol")

    _, reply = await environment.send(case)

    alice, carol = await environment.row("alice"), await environment.row("carol")
    assert alice
    assert carol
    assert (reply.status, alice.endpoint) == (200, carol.endpoint)


async def test_after_every_case_the_server_is_as_before(
    environment: Environment, baseline: ResourceUsage
) -> None:
    """The next honest call takes no longer, and no socket, thread or memory is lost."""
    for name in PLAIN:
        await environment.send(CASES[name], SPEAKERS.get(name, "alice"))
    environment.push_service.received.clear()
    environment.bob.decrypted.clear()

    built, reply = await environment.send(CASES["offer base case"])

    assert (reply.status, environment.pushed) == (200, [built.envelope])
    now = await environment.server.measure_idle(reply.seconds)
    assert now.seconds < max(2 * baseline.seconds, BLINK_S)
    pools = POOL_SIZE + POOL_OVERFLOW  # which may have grown meanwhile
    is_back = (now.files <= baseline.files + pools, now.threads <= baseline.threads)
    assert (now.clients, *is_back) == (0, True, True)
    assert now.memory < baseline.memory + NOISE


async def test_the_log_names_nobody(environment: Environment, rate_limited: Server) -> None:
    """No endpoint, key, payload, signature or address was logged, in the most talkative log."""
    for server in (environment.server, rate_limited):
        for name in PLAIN[::10]:
            await replace(environment, server=server).send(CASES[name], SPEAKERS.get(name, "alice"))

    assert (environment.server.leaked, rate_limited.leaked) == ([], [])
    assert "push to 127.0.0.1: accepted" in environment.server.program.output
