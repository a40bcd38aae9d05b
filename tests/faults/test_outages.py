"""Postgres is away, restarts or stalls: calls are refused in time, and nothing that was acknowledged is lost.

What takes long is begun at once, each at a server of its own, and goes on beside the other tests.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults.aftermath import assert_well, at_ease
from tests.faults.cluster import Cluster, cluster
from tests.faults.gate import Gate, gate
from tests.faults.scene import AWAY, Scene, scene
from tests.faults.site import Site, site
from tests.faults.traffic import Caller, Traffic, calling, settled
from tests.people import Person
from tests.push_service import PushService

pytestmark = pytest.mark.anyio

REFUSED_IN_S = 1.2  # what a call may take while the database is away
ENDED_IN_S = 3  # and while it stalls: 1 s for a connection, 1.5 s for a statement
RECOVERED_IN_S = 1
OUTAGE_S = 30
STALL_S = 10


async def outage(here: Scene, door: Gate) -> tuple[Traffic, float, float]:
    """Take the database away for a while; return the traffic, and when that began and ended."""
    async with here.traffic() as traffic:
        door.refuse()
        began = time.monotonic()
        assert (await here.caller.get("/livez"), await here.caller.get("/readyz")) == (200, 503)
        await asyncio.sleep(OUTAGE_S)
        ended = time.monotonic()
        door.open()
        await asyncio.sleep(RECOVERED_IN_S)
    return traffic, began, ended


async def stall(here: Scene, door: Gate) -> tuple[Traffic, float, float]:
    """Let nothing through for a while, then reset all connections; return as `outage` does."""
    async with here.traffic() as traffic:
        door.hold()
        began = time.monotonic()
        await asyncio.sleep(STALL_S)
        ended = time.monotonic()
        door.cut()
        door.open()
        await asyncio.sleep(RECOVERED_IN_S)
    return traffic, began, ended


Ordeal = Callable[[Scene, Gate], Coroutine[Any, Any, tuple[Traffic, float, float]]]


def endured(ordeal: Ordeal, postgres: Cluster, push: PushService) -> tuple[Traffic, float, float]:
    """Run a server behind a gate, and return what came of its *ordeal*, after which all must be well."""

    async def endure(running: Site, door: Gate) -> tuple[Traffic, float, float]:
        async with scene(running) as here:
            outcome = await ordeal(here, door)
            await here.assert_well(outcome[0])
            return outcome

    with gate(postgres.socket) as door, site(postgres, push, gate_port=door.port) as running:
        return asyncio.run(endure(running, door))


@pytest.fixture(scope="module", autouse=True)
def ordeals(
    steady_cluster: Cluster, push: PushService
) -> Iterator[dict[Ordeal, Future[tuple[Traffic, float, float]]]]:
    """Begin what takes long, and let it go on beside the other tests."""
    with ThreadPoolExecutor() as threads:
        yield {each: threads.submit(endured, each, steady_cluster, push) for each in (outage, stall)}


@pytest.fixture(scope="module")
def mortal_cluster() -> Iterator[Cluster]:
    """Run a Postgres that tests stop and start."""
    with cluster() as running:
        yield running


async def seconds_until_ready(caller: Caller) -> float:
    """Return how long it takes until the server says that it can serve."""
    began = time.monotonic()
    while await caller.get("/readyz") != 200:
        assert time.monotonic() - began < 20
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_a_server_lives_without_its_database_from_the_start(
    mortal_cluster: Cluster, push: PushService, alice: Person, bob: Person
) -> None:
    """It says that it is not ready, refuses calls in 1.2 s, and serves within a second of the database."""
    database = mortal_cluster.database()
    mortal_cluster.stop()
    with site(mortal_cluster, push, database=database) as running:
        async with calling(running.url) as caller:
            health = (await caller.get("/livez"), await caller.get("/readyz"))
            refused = await caller.send(alice.to("dial", bob))
            mortal_cluster.start()
            ready_in = await seconds_until_ready(caller)
            people = await settled(push, caller)
            await assert_well(running, caller, people, await at_ease(running, caller, people))

    assert health == (200, 503)
    assert ((refused.status, refused.code), refused.retry_after) == (AWAY, "1")
    assert refused.seconds < REFUSED_IN_S
    assert ready_in < RECOVERED_IN_S


async def test_a_restart_in_mid_traffic_loses_nothing(mortal_cluster: Cluster, push: PushService) -> None:
    """Calls succeed or are told to come again, and all succeed a second after Postgres is back."""
    with site(mortal_cluster, push) as running:
        async with scene(running) as here:
            async with here.traffic() as traffic:
                await asyncio.to_thread(mortal_cluster.stop)
                await asyncio.sleep(1)
                await asyncio.to_thread(mortal_cluster.start)
                back = time.monotonic()
                await asyncio.sleep(RECOVERED_IN_S)
            await here.assert_well(traffic)

    assert traffic.codes[AWAY] > 0
    assert traffic.recovered_in(back) < RECOVERED_IN_S


async def test_an_outage_of_30_s_is_told_and_got_over(
    ordeals: dict[Ordeal, Future[tuple[Traffic, float, float]]],
) -> None:
    """The server lives, every call is refused in 1.2 s, and all succeed a second after it is over."""
    traffic, began, ended = await asyncio.wrap_future(ordeals[outage])

    within = traffic.during(began, ended)
    assert set(within.codes) == {AWAY}
    assert within.slowest < REFUSED_IN_S
    assert traffic.recovered_in(ended) < RECOVERED_IN_S


async def test_a_stall_of_10_s_holds_nobody_for_longer_than_3_s(
    ordeals: dict[Ordeal, Future[tuple[Traffic, float, float]]],
) -> None:
    """Though TCP is open and nothing is ever refused; after the reset all is well again."""
    traffic, began, ended = await asyncio.wrap_future(ordeals[stall])

    assert set(traffic.during(began, ended).codes) == {AWAY}
    assert traffic.slowest < ENDED_IN_S
    assert traffic.recovered_in(ended) < RECOVERED_IN_S
