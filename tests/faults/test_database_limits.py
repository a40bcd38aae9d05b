"""Postgres answers, but not as it should: it is full, a row is locked, nothing may be written."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.cluster import Cluster
from tests.faults.scene import AWAY, OK, Scene, scene
from tests.faults.site import Citizen, Site, site
from tests.faults.traffic import Sample, Traffic, settled
from tests.people import now_ms
from tests.processes import program
from tests.push_service import PushService

pytestmark = pytest.mark.anyio

POOL = 20  # connections of a server at most
ENDED_IN_S = 3


@pytest.fixture(scope="module")
def running(steady_cluster: Cluster, push: PushService) -> Iterator[Site]:
    """Run a server."""
    with site(steady_cluster, push) as started:
        yield started


@contextmanager
def locked(here: Scene, citizen: Citizen) -> Iterator[None]:
    """Hold the row of *citizen*, as somebody does who mends something by hand and goes to lunch."""
    address = f"decode('{citizen.person.address.text}', 'base64')"
    with program(*here.site.cluster.psql(here.site.database)) as session:
        session.type(f"BEGIN; SELECT 'locked' FROM subscription WHERE address = {address} FOR UPDATE;")  # noqa: S608
        session.wait_for("locked")
        yield
        session.end_input()
        session.ended()


async def updates(here: Scene, citizen: Citizen, times: int) -> list[Sample]:
    """Register *citizen* so often at once."""
    now = now_ms()
    return await asyncio.gather(*(here.caller.send(citizen.update(now + n)) for n in range(times)))


def endings(samples: list[Sample]) -> set[tuple[int, str | None]]:
    """Return how calls ended."""
    return set(Traffic(samples).codes)


async def test_a_full_postgres_is_used_as_far_as_it_goes(running: Site) -> None:
    """With three connections some are served, the others told to come again; with more, all are."""
    postgres, database = running.cluster, running.database
    async with scene(running) as here:
        async with here.traffic() as traffic:
            postgres.sql(f"ALTER DATABASE {database} CONNECTION LIMIT 3")
            postgres.end_sessions(database)
            burst = await updates(here, here.people[0], 3 * POOL)
            postgres.sql(f"ALTER DATABASE {database} CONNECTION LIMIT -1")
        await here.assert_well(traffic)

    assert {OK, AWAY} <= {*endings(burst), *traffic.codes}
    assert 500 not in {sample.status for sample in burst}


async def test_a_locked_row_is_its_owners_trouble_alone(running: Site) -> None:
    """Half of the pool waits for it, and is given up in time; whoever else calls does not notice."""
    async with scene(running) as here:
        (victim,) = await settled(running.push, here.caller, people=1)
        async with here.traffic() as traffic:
            with locked(here, victim):
                stuck = await updates(here, victim, POOL // 2)
        await here.assert_well(traffic, endings=[OK])

    assert endings(stuck) == {AWAY}
    assert max(sample.seconds for sample in stuck) < ENDED_IN_S


async def test_a_pool_that_is_held_by_a_locked_row_is_told(running: Site) -> None:
    """All of it waits: others are told to come again, in time, and are served when it is over."""
    async with scene(running) as here:
        (victim,) = await settled(running.push, here.caller, people=1)
        async with here.traffic() as traffic:
            with locked(here, victim):
                stuck = await updates(here, victim, 2 * POOL)
        await here.assert_well(traffic)

    assert endings(stuck) == {AWAY}
    assert max(sample.seconds for sample in [*stuck, *traffic.samples]) < ENDED_IN_S
    assert traffic.codes[AWAY] > 0


async def test_a_read_only_postgres_still_carries_calls(running: Site) -> None:
    """Nobody can register until it may be written again, which needs no new session and no restart."""
    postgres, database = running.cluster, running.database
    async with scene(running) as here:
        async with here.traffic() as traffic:
            postgres.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
            postgres.end_sessions(database)
            await asyncio.sleep(1)
            refused = await updates(here, here.people[0], 3)
            postgres.sql(f"ALTER DATABASE {database} RESET default_transaction_read_only")
            await asyncio.sleep(1)
        await here.assert_well(traffic)

    assert endings(refused) == {AWAY}
    assert {sample.method for sample in traffic.samples if sample.status != 200} == {"update"}
