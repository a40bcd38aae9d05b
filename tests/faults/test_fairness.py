"""One hostile sender, and push services that hang: the others' calls go through."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from tests.faults.harness.cluster import Cluster
from tests.faults.harness.load_generator import open_caller, register_users
from tests.faults.harness.recovery import warm_up
from tests.faults.harness.scenario import OK, Scenario, start_scenario
from tests.faults.harness.server_process import RunningServer, User, run_server
from tests.people import Person
from tests.push_service import PushService
from tests.short_deadline_server import PATIENT

pytestmark = pytest.mark.anyio

PLACES = 1024  # of WHISPER_MAX_IN_FLIGHT, as is the default
REPEATS = 4  # of WHISPER_MAX_WAITING_REPEATS
CLIENTS_PART = PLACES // 2
HANGING = (504, "push_timed_out")
REPEATED = (429, "already_in_flight")
TOO_MANY = (429, "too_many_calls")
BUSY = (503, "push_busy")

# What a limit of calls a minute refuses anyway is not what is tried scenario.
NAMES = (
    "DIAL CALLS CLIENT_CALLS RECIPIENT RECIPIENT_HOUR UPDATES NEW_ADDRESSES UNKNOWN_RECIPIENTS"
    " UNREGISTERED_SENDERS"
)
LIMITS = {f"WHISPER_LIMIT_{name}": "100000/60s" for name in NAMES.split()} | {"WHISPER_RATE_LIMITS": "on"}


@pytest.fixture(scope="module")
def hanging() -> Iterator[PushService]:
    """Run a push service that takes messages and never answers."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(PushService.running()) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def running(steady_cluster: Cluster, push: PushService, hanging: PushService) -> Iterator[RunningServer]:
    """Run a server that sends to both."""
    env = LIMITS | {"WHISPER_PUSH_ENDPOINTS": f"browsers,{push.origin},{hanging.origin}"}
    with run_server(steady_cluster, push, env=env, command=PATIENT) as started:
        yield started


@pytest.fixture(scope="module")
async def scenario(running: RunningServer, hanging: PushService) -> AsyncIterator[Scenario]:
    """Let people use the server, after it has once held as much as a test lets it hold."""
    async with start_scenario(running) as begun:
        people = await victims(begun, hanging, 40)
        calls = [Person().to("dial", people[n % len(people)].person) for n in range(400)]
        await send_all(begun, "127.0.0.9", calls)
        yield replace(begun, before=await warm_up(running, begun.caller, begun.users))


async def victims(scenario: Scenario, hanging: PushService, number: int) -> list[User]:
    """Return so many registered recipients whose push service hangs."""
    citizens = await register_users(hanging, scenario.caller, count=number)
    for citizen in citizens:
        hanging.script([{"hang": "head", "forever": True}], citizen.token)
    return citizens


async def send_all(
    scenario: Scenario, place: str, calls: list[dict[str, Any]]
) -> Counter[tuple[int, str | None]]:
    """Send all *calls* at once from *place*, each over its own connection; return how they ended."""
    async with open_caller(scenario.server.url, place) as attacker:
        samples = await asyncio.gather(*map(attacker.send, calls))
    return Counter((sample.status, sample.code) for sample in samples)


async def test_one_call_repeated_takes_one_place(scenario: Scenario, hanging: PushService) -> None:
    """The same dial over 600 connections: a few wait for its end, the others are refused."""
    (victim,) = await victims(scenario, hanging, 1)
    dial = Person().to("dial", victim.person)

    async with scenario.traffic() as traffic:
        ended = await send_all(scenario, "127.0.0.4", [dial] * 600)

    assert ended == {HANGING: 1 + REPEATS, REPEATED: 600 - 1 - REPEATS}
    await scenario.assert_recovered(traffic, endings=[OK])


async def test_one_call_through_two_workers_is_one_more_push_at_most(
    steady_cluster: Cluster, push: PushService
) -> None:
    """Each has a replay memory of its own; the recipient drops the second."""
    with run_server(steady_cluster, push, env=LIMITS | {"WHISPER_WORKERS": "2"}) as running:
        for _ in range(2):
            running.program.wait_for("startup complete")
        async with open_caller(running.url) as caller:
            (user,) = await register_users(push, caller, count=1)
            dial, before = Person().to("dial", user.person), len(push.received)
            samples = await asyncio.gather(*(caller.send(dial) for _ in range(40)))

    ended = Counter((sample.status, sample.code) for sample in samples)
    assert ended.keys() <= {OK, REPEATED}
    assert 1 <= len(push.received) - before <= 2


async def test_one_recipient_that_hangs_holds_its_part(scenario: Scenario, hanging: PushService) -> None:
    """However many senders there are, at however many addresses."""
    (victim,) = await victims(scenario, hanging, 1)

    async with scenario.traffic() as traffic, asyncio.TaskGroup() as attack:
        tasks = [
            attack.create_task(
                send_all(scenario, f"127.0.1.{n}", [Person().to("dial", victim.person) for _ in range(50)])
            )
            for n in range(1, 9)
        ]
    ended = sum((task.result() for task in tasks), Counter())

    assert ended[OK] == 0
    assert ended[HANGING] <= PLACES // 8
    await scenario.assert_recovered(traffic, endings=[OK])


async def test_one_address_holds_its_part(scenario: Scenario, hanging: PushService) -> None:
    """With as many senders and recipients as it likes."""
    people = await victims(scenario, hanging, 40)
    calls = [Person().to("dial", people[n % len(people)].person) for n in range(400)]

    async with scenario.traffic() as traffic:
        ended = await send_all(scenario, "127.0.0.5", calls)

    assert ended[OK] == 0
    assert ended[HANGING] <= CLIENTS_PART
    await scenario.assert_recovered(traffic, endings=[OK])


async def test_one_push_service_that_hangs_holds_its_part(scenario: Scenario, hanging: PushService) -> None:
    """Many addresses, senders and recipients: the calls beyond its part are refused as busy."""
    people = await victims(scenario, hanging, 40)

    async with scenario.traffic() as traffic, asyncio.TaskGroup() as attack:
        tasks = [
            attack.create_task(
                send_all(
                    scenario,
                    f"127.0.2.{place}",
                    [Person().to("dial", people[n % len(people)].person) for n in range(100)],
                )
            )
            for place in range(1, 5)
        ]
    ended = sum((task.result() for task in tasks), Counter())

    assert ended[HANGING] <= PLACES // 2
    assert ended[OK] == 0
    await scenario.assert_recovered(traffic, endings=[OK])
