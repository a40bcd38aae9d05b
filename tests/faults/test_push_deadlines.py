"""Unresponsive push services: callers get an error in time, and other calls are not delayed."""

import asyncio
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from anyio.from_thread import start_blocking_portal

from tests.deadlines import MARGIN_S, SHORT
from tests.faults.harness.cluster import Cluster
from tests.faults.harness.load_generator import Sample, open_caller, register_users
from tests.faults.harness.recovery import warm_up
from tests.faults.harness.scenario import Scenario, start_scenario
from tests.faults.harness.server_process import RunningServer, run_server
from tests.people import Person, now_ms
from tests.push_service import PushService
from tests.short_deadline_server import SHORT_DEADLINE_SERVER
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio

ELSEWHERE = "127.0.0.2"  # another host than the other push service's
MANY = 400  # more are on their way at once than a host may have: all have begun before the first ends
PLACES = [f"127.0.3.{number}" for number in range(1, 5)]  # of who calls there: no place has its part of all
EVERY_S = SHORT.attempt_s / 500


@pytest.fixture(scope="module")
def slow() -> Iterator[PushService]:
    """Run a push service of its own that takes every message and never answers."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(PushService.running(host=ELSEWHERE)) as service,
    ):
        service.script([{"hang": "head", "forever": True}])
        yield service


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.fixture(scope="module")
async def speechless() -> AsyncIterator[str]:
    """Yield the origin of an https server that never says a word of TLS."""
    async with await asyncio.start_server(_say_nothing, "127.0.0.1") as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture(scope="module")
def running(
    steady_cluster: Cluster, push: PushService, slow: PushService, speechless: str
) -> Iterator[RunningServer]:
    """Run a server that may send to all of them."""
    env = {"WHISPER_PUSH_ENDPOINTS": f"{push.origin},{slow.origin},{speechless}"}
    with run_server(steady_cluster, push, env=env, command=SHORT_DEADLINE_SERVER) as started:
        yield started


@pytest.fixture(scope="module")
async def scenario(running: RunningServer, slow: PushService) -> AsyncIterator[Scenario]:
    """Let people use the server, after it has once held as much as a test lets it hold.

    In the end nothing may be held that was not held before.
    """
    async with start_scenario(running) as begun:
        await flood(begun, slow)
        scenario = replace(begun, before=await warm_up(running, begun.caller, begun.users))
        yield scenario
        await scenario.assert_recovered()


async def registered_at(scenario: Scenario, endpoint: str) -> Person:
    """Return somebody who can be reached at *endpoint* only."""
    person = Person()
    sample = await scenario.caller.send(person.update(subscription_json(endpoint), sent_at=now_ms()))
    assert sample.status == 200
    return person


async def test_silence_is_told_in_time_wherever_it_begins(
    scenario: Scenario, push: PushService, speechless: str
) -> None:
    """Before TLS nothing was sent; before the status, perhaps something; after it, all is said."""
    head, body = await register_users(push, scenario.caller, count=2)
    push.script([{"hang": "head"}], head.token)
    push.script([{"hang": "body"}], body.token)
    tls = await registered_at(scenario, f"{speechless}/push/x")
    alice = scenario.users[0].person

    calls = [alice.to("dial", each) for each in (head.person, body.person, tls)]
    in_head, in_body, in_tls = await asyncio.gather(*(scenario.caller.send(call) for call in calls))

    assert (in_head.code, in_body.status, in_tls.code) == ("push_timed_out", 200, "push_unreachable")
    assert SHORT.attempt_s <= in_head.seconds < SHORT.attempt_s + MARGIN_S
    assert in_tls.seconds < SHORT.total_s + MARGIN_S


async def honest(scenario: Scenario, times: int) -> list[Sample]:
    """Let people call each other so often, one after another."""
    pairs = zip(scenario.users, scenario.users[1:], strict=False)
    some = [one.person.to for one, _ in pairs]
    return [
        await scenario.caller.send(some[n % len(some)]("ice", scenario.users[n % len(some) + 1].person))
        for n in range(times)
    ]


async def flood(scenario: Scenario, slow: PushService) -> list[Sample]:
    """Send so many calls to people at the slow host, from several addresses, as fast as they can be taken."""
    bobs = [await registered_at(scenario, slow.subscribe().endpoint) for _ in range(10)]
    async with AsyncExitStack() as opened, asyncio.TaskGroup() as sending:
        callers = [
            await opened.enter_async_context(open_caller(scenario.server.url, place)) for place in PLACES
        ]
        begun = []
        for number in range(MANY):
            call = Person().to("ice", bobs[number % len(bobs)])
            begun.append(sending.create_task(callers[number % len(callers)].send(call)))
            await asyncio.sleep(EVERY_S)
    return [task.result() for task in begun]


async def test_hundreds_of_calls_to_a_slow_host_are_nobody_elses_trouble(
    scenario: Scenario, slow: PushService
) -> None:
    """They end in time; calls by way of other hosts all succeed, and wait for none of them."""
    before = await honest(scenario, 100)

    slowly = asyncio.create_task(flood(scenario, slow))
    await asyncio.sleep(MANY * EVERY_S / 2)
    during = await honest(scenario, 100)
    ended = await slowly

    assert Counter(sample.code for sample in during) == {None: 100}
    assert typical(during) < typical(before) + SHORT.attempt_s / 2
    assert max(sample.seconds for sample in ended) < SHORT.total_s + MARGIN_S
    assert {sample.code for sample in ended} <= {"push_busy", "push_timed_out", "too_many_calls"}


def typical(samples: list[Sample]) -> float:
    """Return how long a call takes, seconds."""
    return statistics.median(sample.seconds for sample in samples)
