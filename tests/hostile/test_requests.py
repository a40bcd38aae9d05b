"""Every case of `requests.json`, against servers that run: what comes of it, and what does not."""

import asyncio
import time
from dataclasses import replace

import httpx
import pytest
from asgi_lifespan import LifespanManager

from app.main import create_app
from app.settings import Settings
from app.store.subscriptions import Subscriptions
from tests.hostile.builder import (
    CASES,
    MIB,
    PEOPLE,
    TELLING,
    VECTORS,
    Built,
    Scene,
    as_method,
    build,
    statuses,
    texts_in,
)
from tests.hostile.raw_http import Reply
from tests.hostile.stage import Rest, Server, Stage
from tests.people import now_ms
from tests.push_service import PushService
from tests.vectors_of import subscription_at

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("rest")]  # first of all

ACCEPTED: list[int] = VECTORS["meta"]["classes"]["accept"]

# The deadline of a request, and what a busy machine may add.
DEADLINE_S = 15 + 1

# These are on the other side of the window's end when they arrive: they need a clock that stands still.
MOVING = ("offset -4999 ms", "offset -5000 ms", "offset +5001 ms")
TIMED = [name for name, case in CASES.items() if case["group"] == "time"]
SLOW = ["Content-Length larger than the body", "headers dribbled 1 byte per second"]
MEASURED = [name for name, case in CASES.items() if case.get("check") == "RSS grows < 1 MiB"]
LIMITED = {"messages from one sender": 60, "updates of one key": 10}
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
BLINK_S = 0.1

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


async def assert_refused(stage: Stage, built: Built, reply: Reply, before: object) -> None:
    """Require that nothing came of a request: no push, and the rows are those of *before*."""
    assert_says_little(built, reply)
    assert reply.json.get("ok") is not True
    assert ("allow" in reply.headers) == (reply.status == 405)
    assert (stage.posted, await stage.rows()) == (0, before)


async def assert_accepted(stage: Stage, built: Built, reply: Reply, before: object) -> None:
    """Require one push of a call, exactly as it was signed, or a new row of an update."""
    assert_says_little(built, reply)
    relayed = [] if built.envelope["a"] == "update" else [built.envelope]
    assert (stage.pushed, await stage.rows() == before) == (relayed, bool(relayed))


@pytest.mark.parametrize("name", PLAIN)
async def test_a_request_ends_as_it_must(stage: Stage, name: str) -> None:
    """It is carried out, or refused without a trace, within a second."""
    case, before = CASES[name], await stage.rows()

    built, reply = await stage.play(case, SPEAKERS.get(name, "alice"))

    assert reply.status in DECIDED.get(name, statuses(case)), reply
    check = assert_accepted if reply.status in ACCEPTED else assert_refused
    await check(stage, built, reply, before)
    assert reply.seconds < 1


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
        response = await client.post(f"/{case['method']}", content=build(case, Scene(now)).body)

    assert response.status_code in statuses(case)
    assert len(push_service.received) == (response.status_code == 200)


async def test_a_request_that_does_not_come_is_not_waited_for(stage: Stage) -> None:
    """A body or a head that takes too long is refused, or its connection closed."""
    before = await stage.rows()

    played = await asyncio.gather(*(stage.play(CASES[name]) for name in SLOW))

    for name, (built, reply) in zip(SLOW, played, strict=True):
        assert reply.status in statuses(CASES[name]), reply
        assert (reply.closed, reply.seconds < DEADLINE_S) == (True, True)
        await assert_refused(stage, built, reply, before)


@pytest.mark.parametrize("name", MEASURED)
async def test_a_large_request_takes_no_memory(stage: Stage, name: str) -> None:
    """What is too large is refused before it is there, or while it comes, and the connection closed."""
    case, before = CASES[name], await stage.rows()
    built, _ = await stage.play(case)  # what the first of its kind takes, is taken once

    grown, reply = await stage.server.memory_used_by(stage.server.post(case, built))

    assert reply.status in statuses(case), reply
    assert (grown < MIB, reply.seconds < 1) == (True, True)
    await assert_refused(stage, built, reply, before)


@pytest.mark.parametrize(("name", "burst"), LIMITED.items())
async def test_too_many_calls_are_refused(stage: Stage, strict: Server, name: str, burst: int) -> None:
    """With the limits that a server has by default: after a burst, a time to wait, and no push or row."""
    case, now, limited = CASES[name], now_ms(), replace(stage, server=strict)
    built = [build(case, Scene(now + number)) for number in range(case["times"])]
    began = time.monotonic()

    replies = [await strict.post(case, call) for call in built[:burst]]
    stored = await limited.rows()
    replies += [await strict.post(case, call) for call in built[burst:]]

    accepted = [reply for reply in replies if reply.status == 200]
    assert replies[:burst] == accepted[:burst]
    assert len(accepted) <= burst + 1 + (time.monotonic() - began)  # each second lets one more through
    assert {reply.status for reply in replies} == {200, *statuses(case)}
    assert replies[-1].headers["retry-after"].isdigit()
    assert_says_little(built[-1], replies[-1])
    assert limited.posted == (0 if case["method"] == "update" else len(accepted))
    assert await limited.rows() == stored


async def test_nobody_takes_over_a_registration(stage: Stage) -> None:
    """An update that another signed leaves the row as it is."""
    await stage.play(CASES["update base case"])
    before = await stage.rows()

    built, reply = await stage.play(CASES["update for a key one does not own"])

    assert (reply.status, await stage.row("alice") in before) == (401, True)
    await assert_refused(stage, built, reply, before)


async def test_the_same_offer_twice_is_one_push(stage: Stage) -> None:
    """An honest retry is answered as before."""
    case = CASES["same offer twice"]
    built, first = await stage.play(case)

    second = await stage.server.post(case, built)

    assert (first.status, second.status, stage.pushed) == (200, 200, [built.envelope])


async def test_the_same_offer_to_two_instances_is_one_push_each(stage: Stage, another: Server) -> None:
    """Each process has its own memory, as the protocol says; a recipient drops the second."""
    case = CASES["same offer to two instances at once"]
    built = build(case, Scene(now_ms()))

    replies = await asyncio.gather(*(each.post(case, built) for each in (stage.server, another) * 3))

    assert {reply.status for reply in replies} == {200}
    assert stage.pushed == [built.envelope] * 2


async def test_an_offer_does_not_become_an_answer(stage: Stage) -> None:
    """The method is not under the signature, so the server remembers what it relayed as what."""
    offer = build(CASES["offer base case"], Scene(now_ms()))
    await stage.server.post(CASES["offer base case"], offer)
    answer = as_method(offer, "answer")

    reply = await stage.server.post(CASES["offer data replayed as answer"], answer)

    assert (reply.status, reply.json["code"], stage.pushed) == (409, "replayed", [offer.envelope])


async def test_one_may_call_oneself(stage: Stage) -> None:
    """Another device may have the same identity."""
    alice = stage.push_service.subscribe()
    await stage.server.register("alice", alice)

    _, reply = await stage.play(CASES["recipient equals sender"])

    assert (reply.status, len(alice.decrypted), stage.posted) == (200, 1, 1)


async def test_a_subscription_that_is_gone_is_forgotten(stage: Stage) -> None:
    """The push service says 410, so does the row."""
    stage.push_service.script([{"status": 410}])

    built, reply = await stage.play(CASES["push service says 410"])

    assert (reply.status, reply.json["code"], await stage.rows()) == (404, "recipient_gone", [])
    assert_says_little(built, reply)


async def test_a_subscription_that_is_newer_than_the_gone_one_stays(stage: Stage) -> None:
    """Only the row that was used is deleted."""
    stage.push_service.script([{"status": 410, "delay": 0.3}])
    playing = asyncio.create_task(stage.play(CASES["410 while bob re-registers"]))
    while not stage.posted:
        await asyncio.sleep(0.01)
    await stage.server.register("bob", stage.push_service.subscribe())
    newer = await stage.rows()

    _, reply = await playing

    assert (reply.status, await stage.rows()) == (404, newer)


async def test_two_people_may_share_an_endpoint(stage: Stage) -> None:
    """Two identities in one browser: both rows exist."""
    case = CASES["two keys, one endpoint"]
    await stage.play(case, speaker="carol")

    _, reply = await stage.play(case)

    alice, carol = await stage.row("alice"), await stage.row("carol")
    assert alice
    assert carol
    assert (reply.status, alice.endpoint) == (200, carol.endpoint)


async def test_after_all_of_it_the_server_is_as_before(stage: Stage, rest: Rest) -> None:
    """The next honest call takes no longer, and no socket, thread or memory is lost."""
    built, reply = await stage.play(CASES["offer base case"])

    assert (reply.status, stage.pushed) == (200, [built.envelope])
    now = await stage.server.rest(reply.seconds)
    assert now.seconds < max(2 * rest.seconds, BLINK_S)
    assert (now.clients, now.files <= rest.files, now.threads <= rest.threads) == (0, True, True)
    assert now.memory < rest.memory + NOISE


async def test_after_all_of_it_the_log_names_nobody(stage: Stage, strict: Server) -> None:
    """No endpoint, key, payload, signature or address was logged, in the most talkative log."""
    assert (stage.server.leaked, strict.leaked) == ([], [])
    assert "push to 127.0.0.1: accepted" in stage.server.program.output
