"""Errors of a Postgres that answers: it is full, a row is locked, nothing may be written."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.deadlines import MARGIN_S
from tests.faults.harness.cluster import Cluster
from tests.faults.harness.load_generator import Sample, Traffic, register_users
from tests.faults.harness.scenario import OK, UNAVAILABLE, Scenario, start_scenario
from tests.faults.harness.server_process import RunningServer, User, run_server
from tests.people import now_ms
from tests.processes import program
from tests.push_service import PushService

pytestmark = pytest.mark.anyio

POOL = 20  # connections of a server at most
ENDED_IN_S = 2.5 + MARGIN_S  # for a statement with all its waits


@pytest.fixture(scope="module")
def running(steady_cluster: Cluster, push: PushService) -> Iterator[RunningServer]:
    """Run a server."""
    with run_server(steady_cluster, push) as started:
        yield started


@contextmanager
def locked(scenario: Scenario, user: User) -> Iterator[None]:
    """Hold the row of *user*, as somebody does who mends something by hand and goes to lunch."""
    address = f"decode('{user.person.address.text}', 'base64')"
    with program(*scenario.server.cluster.psql(scenario.server.database)) as session:
        session.type(f"BEGIN; SELECT 'locked' FROM device WHERE address = {address} FOR UPDATE;")  # noqa: S608
        session.wait_for("locked")
        yield
        session.end_input()
        session.ended()


async def updates(scenario: Scenario, user: User, times: int) -> list[Sample]:
    """Register *user* so often at once."""
    now = now_ms()
    return await asyncio.gather(*(scenario.caller.send(user.update(now + n)) for n in range(times)))


def endings(samples: list[Sample]) -> set[tuple[int, str | None]]:
    """Return how calls ended."""
    return set(Traffic(samples).codes)


async def test_a_full_postgres_is_used_as_far_as_it_goes(running: RunningServer) -> None:
    """With one connection some are served, the others told to come again; with more, all are."""
    postgres, database = running.cluster, running.database
    async with start_scenario(running) as scenario:
        async with scenario.traffic() as traffic:
            postgres.sql(f"ALTER DATABASE {database} CONNECTION LIMIT 1")
            postgres.end_sessions(database)
            burst = await updates(scenario, scenario.users[0], 3 * POOL)
            postgres.sql(f"ALTER DATABASE {database} CONNECTION LIMIT -1")
        await scenario.assert_recovered(traffic)

    assert {OK, UNAVAILABLE} <= {*endings(burst), *traffic.codes}
    assert 500 not in {sample.status for sample in burst}


async def test_a_locked_row_is_its_owners_trouble_alone(running: RunningServer) -> None:
    """More updates than the pool has wait for it, and are given up in time; nobody else notices."""
    async with start_scenario(running) as scenario:
        (victim,) = await register_users(running.push, scenario.caller, count=1)
        async with scenario.traffic() as traffic:
            with locked(scenario, victim):
                stuck = await updates(scenario, victim, 2 * POOL)
        await scenario.assert_recovered(traffic, endings=[OK])

    assert endings(stuck) == {UNAVAILABLE}
    assert max(sample.seconds for sample in stuck) < ENDED_IN_S


async def test_a_read_only_postgres_still_carries_calls(running: RunningServer) -> None:
    """Nobody can register until it may be written again, which needs no new session and no restart."""
    postgres, database = running.cluster, running.database
    async with start_scenario(running) as scenario:
        async with scenario.traffic() as traffic:
            postgres.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
            postgres.end_sessions(database)
            await asyncio.sleep(1)
            refused = await updates(scenario, scenario.users[0], 3)
            postgres.sql(f"ALTER DATABASE {database} RESET default_transaction_read_only")
            await asyncio.sleep(1)
        await scenario.assert_recovered(traffic)

    assert endings(refused) == {UNAVAILABLE}
    assert {sample.method for sample in traffic.samples if sample.status != 200} == {"update"}
