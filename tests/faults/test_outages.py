"""Postgres outage, restart and stall: calls are refused in time, and no acknowledged update is lost.

The long faults start at once, each at a server of its own, and run beside the other tests.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.deadlines import MARGIN_S
from tests.faults.harness.cluster import Cluster
from tests.faults.harness.fault_proxy import FaultProxy, fault_proxy
from tests.faults.harness.load_generator import Caller, Traffic, open_caller, register_users
from tests.faults.harness.recovery import assert_recovered, warm_up
from tests.faults.harness.scenario import UNAVAILABLE, Scenario, start_scenario
from tests.faults.harness.server_process import RunningServer, run_server
from tests.people import Person
from tests.push_service import PushService

pytestmark = pytest.mark.anyio

REFUSED_IN_S = 3  # while the database is unavailable: 1 s for a connection
ENDED_IN_S = 2.5 + MARGIN_S  # and while it stalls: 1 s for a connection, 1.5 s for a statement
RECOVERED_IN_S = 3  # it is a tenth of a second where nothing else runs
OUTAGE_S = 8  # longer than all that the server waits for, or keeps quiet about
STALL_S = 5  # twice as long as a statement may take with a second attempt


async def outage(scenario: Scenario, proxy: FaultProxy) -> tuple[Traffic, float, float]:
    """Make the database unreachable for a while; return the traffic, and when the fault began and ended."""
    async with scenario.traffic() as traffic:
        proxy.refuse()
        began = time.monotonic()
        assert (await scenario.caller.get("/livez"), await scenario.caller.get("/readyz")) == (200, 503)
        await asyncio.sleep(OUTAGE_S)
        ended = time.monotonic()
        proxy.open()
        await asyncio.sleep(RECOVERED_IN_S)
    return traffic, began, ended


async def stall(scenario: Scenario, proxy: FaultProxy) -> tuple[Traffic, float, float]:
    """Forward nothing for a while, then reset all connections; return as `outage` does."""
    async with scenario.traffic() as traffic:
        proxy.stall()
        began = time.monotonic()
        await asyncio.sleep(STALL_S)
        ended = time.monotonic()
        proxy.reset()
        proxy.open()
        await asyncio.sleep(RECOVERED_IN_S)
    return traffic, began, ended


Fault = Callable[[Scenario, FaultProxy], Coroutine[Any, Any, tuple[Traffic, float, float]]]


def run_fault(fault: Fault, postgres: Cluster, push: PushService) -> tuple[Traffic, float, float]:
    """Run a server behind a fault proxy, inject *fault* and check the recovery; return its result."""

    async def inject(running: RunningServer, proxy: FaultProxy) -> tuple[Traffic, float, float]:
        async with start_scenario(running) as scenario:
            outcome = await fault(scenario, proxy)
            await scenario.assert_recovered(outcome[0])
            return outcome

    with fault_proxy(postgres.socket) as proxy, run_server(postgres, push, proxy_port=proxy.port) as running:
        return asyncio.run(inject(running, proxy))


@pytest.fixture(scope="module", autouse=True)
def faults(
    steady_cluster: Cluster, push: PushService
) -> Iterator[dict[Fault, Future[tuple[Traffic, float, float]]]]:
    """Start the long faults, which run beside the other tests."""
    with ThreadPoolExecutor() as threads:
        yield {each: threads.submit(run_fault, each, steady_cluster, push) for each in (outage, stall)}


async def seconds_until_ready(caller: Caller) -> float:
    """Return how long it takes until the server says that it can serve."""
    began = time.monotonic()
    while await caller.get("/readyz") != 200:
        assert time.monotonic() - began < 20
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_a_server_lives_without_its_database_from_the_start(
    restartable_cluster: Cluster, push: PushService, alice: Person, bob: Person
) -> None:
    """It says that it is not ready, refuses calls in time, and serves soon after the database does."""
    database = restartable_cluster.database()
    restartable_cluster.stop()
    with run_server(restartable_cluster, push, database=database) as running:
        async with open_caller(running.url) as caller:
            health = (await caller.get("/livez"), await caller.get("/readyz"))
            refused = await caller.send(alice.to("dial", bob))
            restartable_cluster.start()
            ready_in = await seconds_until_ready(caller)
            people = await register_users(push, caller)
            await assert_recovered(running, caller, people, await warm_up(running, caller, people))

    assert health == (200, 503)
    assert ((refused.status, refused.code), refused.retry_after) == (UNAVAILABLE, "1")
    assert refused.seconds < REFUSED_IN_S
    assert ready_in < RECOVERED_IN_S


async def test_a_restart_in_mid_traffic_loses_nothing(
    restartable_cluster: Cluster, push: PushService
) -> None:
    """Calls succeed or are told to come again, and all succeed soon after Postgres is back."""
    with run_server(restartable_cluster, push) as running:
        async with start_scenario(running) as scenario:
            async with scenario.traffic() as traffic:
                await asyncio.to_thread(restartable_cluster.stop)
                await asyncio.sleep(1)
                await asyncio.to_thread(restartable_cluster.start)
                back = time.monotonic()
                await asyncio.sleep(RECOVERED_IN_S)
            await scenario.assert_recovered(traffic)

    assert traffic.codes[UNAVAILABLE] > 0
    assert traffic.recovered_in(back) < RECOVERED_IN_S


async def test_a_long_outage_is_told_and_got_over(
    faults: dict[Fault, Future[tuple[Traffic, float, float]]],
) -> None:
    """The server lives, every call is refused in time, and all succeed soon after it is over."""
    traffic, began, ended = await asyncio.wrap_future(faults[outage])

    within = traffic.during(began, ended)
    assert set(within.codes) == {UNAVAILABLE}
    assert within.slowest < REFUSED_IN_S
    assert traffic.recovered_in(ended) < RECOVERED_IN_S


async def test_a_long_stall_holds_nobody_for_long(
    faults: dict[Fault, Future[tuple[Traffic, float, float]]],
) -> None:
    """Though TCP is open and nothing is ever refused; after the reset all is well again."""
    traffic, began, ended = await asyncio.wrap_future(faults[stall])

    assert set(traffic.during(began, ended).codes) == {UNAVAILABLE}
    assert traffic.slowest < ENDED_IN_S
    assert traffic.recovered_in(ended) < RECOVERED_IN_S
