"""Answers of push services: error codes for callers, retries, `Retry-After`, deleted subscriptions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import ceil

import pytest

from tests.deadlines import SHORT
from tests.faults.harness.cluster import Cluster
from tests.faults.harness.delivery_checks import count_pushes
from tests.faults.harness.load_generator import Sample, register_users
from tests.faults.harness.scenario import Scenario, start_scenario
from tests.faults.harness.server_process import RunningServer, User, run_server
from tests.push_service import PushService
from tests.short_deadline_server import SHORT_DEADLINE_SERVER

pytestmark = pytest.mark.anyio

HOUR_S = 3600
DEFAULT_S = 30  # where a push service asks to wait, and does not say how long


@pytest.fixture(scope="module")
def running(steady_cluster: Cluster, push: PushService) -> Iterator[RunningServer]:
    """Run a server."""
    with run_server(steady_cluster, push, command=SHORT_DEADLINE_SERVER) as started:
        yield started


@pytest.fixture(scope="module")
async def scenario(running: RunningServer) -> AsyncIterator[Scenario]:
    """Let people use the server; in the end nothing may be held that was not held before."""
    async with start_scenario(running) as begun:
        yield begun
        await begun.assert_recovered()


@pytest.fixture
async def bob(scenario: Scenario, push: PushService) -> User:
    """Return somebody whose push service answers as a test says."""
    (user,) = await register_users(push, scenario.caller, count=1)
    return user


async def ring(scenario: Scenario, bob: User, **answer: object) -> Sample:
    """Dial Bob once, with *answer* as what his push service has to say, now and later."""
    scenario.server.push.script([{"forever": True, **answer}], bob.token)
    return await scenario.caller.send(scenario.users[0].person.to("dial", bob.person))


def is_kept(scenario: Scenario, bob: User) -> bool:
    """Tell whether Bob's registration is in the database."""
    return [bob.person.address.text] in scenario.server.rows("encode(address, 'base64')")


# What the push service says, what the caller is told, and how often it is tried.
ANSWERS = [
    (500, (502, "push_refused"), 1),
    (502, (502, "push_refused"), 3),
    (503, (503, "push_busy"), 3),
    (504, (502, "push_refused"), 3),
    (400, (502, "push_refused"), 1),
    (401, (502, "push_refused"), 1),
    (403, (502, "push_refused"), 1),
    (413, (413, "message_too_large"), 1),
]


@pytest.mark.parametrize(("status", "told", "tries"), ANSWERS)
async def test_a_refusal_is_told_and_forgets_nobody(
    scenario: Scenario, bob: User, push: PushService, status: int, told: tuple[int, str], tries: int
) -> None:
    """A gateway in trouble is asked again, twice at most; who is registered stays so."""
    sample = await ring(scenario, bob, status=status)

    assert ((sample.status, sample.code), count_pushes(push, bob)) == (told, tries)
    assert is_kept(scenario, bob)


@pytest.mark.parametrize("status", [404, 410])
async def test_who_is_gone_is_forgotten(
    scenario: Scenario, bob: User, push: PushService, status: int
) -> None:
    """The first caller is told so, the next finds nobody, and the push service is not asked again."""
    first = await ring(scenario, bob, status=status)
    second = await scenario.caller.send(scenario.users[1].person.to("dial", bob.person))

    assert (first.code, second.code) == ("recipient_gone", "unknown_recipient")
    assert not is_kept(scenario, bob)
    assert count_pushes(push, bob) == 1


def date_in(seconds: int) -> str:
    """Return the HTTP date so many seconds from now."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


# What is said, and the seconds that it means.
WAITS: dict[str, tuple[Callable[[], str], int]] = {
    "seconds": (lambda: "120", 120),
    "a date": (lambda: date_in(600), 600),
    "junk": (lambda: "soon", DEFAULT_S),
    "a billion": (lambda: "1000000000", HOUR_S),
    "a date in years": (lambda: date_in(10**9), HOUR_S),
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("said", WAITS)
async def test_a_wish_to_wait_is_told_and_remembered(
    scenario: Scenario, bob: User, push: PushService, status: int, said: str
) -> None:
    """For that endpoint, an hour at most: until then nothing is sent to it, whoever calls."""
    retry_after, seconds = WAITS[said]

    first = await ring(scenario, bob, status=status, headers={"Retry-After": retry_after()})
    second = await scenario.caller.send(scenario.users[1].person.to("ice", bob.person))

    assert (first.code, second.code) == ("push_busy", "push_busy")
    for sample in (first, second):
        assert seconds - 20 < int(sample.retry_after or 0) <= seconds
    assert count_pushes(push, bob) == 1
    assert is_kept(scenario, bob)


async def test_a_wish_to_wait_is_no_one_elses(scenario: Scenario, bob: User, push: PushService) -> None:
    """Others at the same push service are sent to; so is who asked, when the time is over."""
    # More than the caller waits for: a shorter wish is waited out, and the message sent again.
    wait_s = ceil(SHORT.total_s)
    busy = await ring(scenario, bob, status=429, headers={"Retry-After": str(wait_s)})
    other = await scenario.caller.send(scenario.users[0].person.to("dial", scenario.users[1].person))
    push.script([], bob.token)
    early = await scenario.caller.send(scenario.users[0].person.to("dial", bob.person))
    await asyncio.sleep(wait_s)
    late = await scenario.caller.send(scenario.users[0].person.to("dial", bob.person))

    assert (busy.code, other.status, early.code, late.status) == ("push_busy", 200, "push_busy", 200)


async def test_others_call_meanwhile(scenario: Scenario) -> None:
    """Whose push service has nothing to say: each of their calls arrives."""
    async with scenario.traffic() as traffic:
        (bob,) = await register_users(scenario.server.push, scenario.caller, count=1)
        for status, _, _ in ANSWERS:
            await ring(scenario, bob, status=status)

    await scenario.assert_recovered(traffic, endings=[(200, None)])
