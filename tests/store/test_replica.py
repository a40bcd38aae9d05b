"""Circuit breaker of a replica: an outage costs one look-up a while, a fault of ours is none."""

import asyncpg
import pytest
from sqlalchemy.engine import URL

from app.store.replica import PAUSE_MS, Replica
from app.store.url import parse_url
from tests.databases import open_database

pytestmark = pytest.mark.anyio


class StandingClock:
    """A clock that moves when a test moves it."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        """Return the time."""
        return self.now


async def test_a_replica_that_is_away_is_asked_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """Between two tries the database is asked alone; an operator reads of each try."""
    clock = StandingClock()
    async with open_database(parse_url("postgresql://127.0.0.1:1/calls"), clock) as away:
        replica = Replica(away, clock)
        for clock.now in (0, 1, PAUSE_MS - 1, PAUSE_MS):
            assert await replica.look_up("SELECT 1", name="one") == ()

    told = [record for record in caplog.records if record.name == "app.store.replica"]
    assert [record.levelname for record in told] == ["WARNING"] * 2


async def test_a_replica_that_serves_again_is_asked_each_time(migrated: URL) -> None:
    """Once its pause is over."""
    clock = StandingClock()
    async with open_database(migrated, clock) as database:
        replica = Replica(database, clock)
        await replica.look_up("SELECT pg_sleep(0.5)", name="slow")
        waited = await replica.look_up("SELECT 1", name="one")
        clock.now = PAUSE_MS
        rows = [await replica.look_up("SELECT 1", name="one") for _ in range(2)]

    assert (waited, [len(each) for each in rows]) == ((), [1, 1])


async def test_a_replica_that_lets_nobody_in_is_done_without(migrated: URL) -> None:
    """What servers do without costs no call, whoever has to mend it."""
    async with open_database(migrated.set(database="nowhere")) as closed:
        assert await Replica(closed, StandingClock()).look_up("SELECT 1", name="one") == ()


async def test_a_wrong_statement_is_no_outage_of_the_replica(migrated: URL) -> None:
    """It is raised as it is."""
    async with open_database(migrated) as database:
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await Replica(database, StandingClock()).look_up("SELEKT 1", name="wrong")
