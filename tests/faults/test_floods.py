"""Floods of keys, each of them new: most calls are refused, and no more is remembered than may be."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.faults.harness.cluster import Cluster
from tests.faults.harness.load_generator import open_caller
from tests.faults.harness.recovery import MEMORY_SLACK, measure_usage
from tests.faults.harness.scenario import OK, Scenario, start_scenario
from tests.faults.harness.server_process import RunningServer, run_server
from tests.people import Person, now_ms
from tests.push_service import PushService
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio

MANY = 3000
AT_ONCE = 20
NEW_ADDRESSES = 30  # of one place at once, as is the default; then one in two minutes
REFUSED_SIGNATURES = 20  # then one in three seconds
SLOWLY = 5  # more that a slow machine lets in meanwhile
TOO_MANY = (429, "too_many_calls")
BAD = (401, "bad_signature")

# What people at other places do is not what is limited here.
LIMITS = {
    "WHISPER_RATE_LIMITS": "on",
    "WHISPER_LIMIT_DIAL": "10000/60s",
    "WHISPER_LIMIT_CALLS": "10000/60s",
    "WHISPER_LIMIT_CLIENT_CALLS": "10000/60s",
    "WHISPER_LIMIT_RECIPIENT": "10000/60s",
    "WHISPER_LIMIT_RECIPIENT_HOUR": "10000/60s",
    "WHISPER_LIMIT_UPDATES": "10000/60s",
}


@pytest.fixture(scope="module")
def running(steady_cluster: Cluster, push: PushService) -> Iterator[RunningServer]:
    """Run a server that limits what a place may do."""
    with run_server(steady_cluster, push, env=LIMITS) as started:
        yield started


@pytest.fixture(scope="module")
async def scenario(running: RunningServer) -> AsyncIterator[Scenario]:
    """Let people use the server."""
    async with start_scenario(running) as begun:
        yield begun


def new_address() -> dict[str, Any]:
    """Return the first update of somebody new."""
    return Person().update(subscription_json("https://fcm.googleapis.com/x"), sent_at=now_ms())


def forgery() -> dict[str, Any]:
    """Return an update that somebody else signed."""
    return new_address() | {"c": Person().sign(b"something else")}


async def flood(
    scenario: Scenario, place: str, make: Callable[[], dict[str, Any]]
) -> Counter[tuple[int, str | None]]:
    """Send thousands of calls from *place*; return how often they ended in which way."""
    ended: Counter[tuple[int, str | None]] = Counter()

    async def send() -> None:
        for _ in range(MANY // AT_ONCE):
            sample = await caller.send(make())
            ended[sample.status, sample.code] += 1

    async with open_caller(scenario.server.url, place, lasting=True) as caller:
        await asyncio.gather(*(send() for _ in range(AT_ONCE)))
    return ended


async def test_thousands_of_new_keys_are_mostly_refused(scenario: Scenario) -> None:
    """A place adds as many addresses as it may, and not a row or a megabyte more; others call meanwhile."""
    before = measure_usage(scenario.server).memory

    async with scenario.traffic() as traffic:
        ended = await flood(scenario, "127.0.0.2", new_address)

    assert ended.keys() == {OK, TOO_MANY}
    assert NEW_ADDRESSES <= ended[OK] <= NEW_ADDRESSES + SLOWLY
    assert len(scenario.server.rows("1")) == ended[OK] + len(scenario.users)
    assert measure_usage(scenario.server).memory < before + MEMORY_SLACK
    await scenario.assert_recovered(traffic, endings=[OK])


async def test_thousands_of_bad_signatures_are_mostly_not_looked_at(scenario: Scenario) -> None:
    """Nor do they cost memory, or anybody at another place a call."""
    before = measure_usage(scenario.server).memory

    async with scenario.traffic() as traffic:
        ended = await flood(scenario, "127.0.0.3", forgery)

    assert ended.keys() == {BAD, TOO_MANY}
    assert REFUSED_SIGNATURES <= ended[BAD] < MANY / 20
    assert measure_usage(scenario.server).memory < before + MEMORY_SLACK
    await scenario.assert_recovered(traffic, endings=[OK])
