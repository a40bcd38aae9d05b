"""Purge of expired rows: once, by plain statements, and never of one that was renewed meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.ext.asyncio import create_async_engine

from app.protocol.constants import SUBSCRIPTION_LIFE_MS
from app.protocol.keys import Address
from app.store.database import Database
from app.store.errors import DatabaseUnavailable
from app.store.purge import LEASE, LEASE_MS, PURGE_BATCH, purge, run_purger
from app.store.subscriptions import Subscriptions
from app.store.url import parse_url
from tests.databases import open_database
from tests.people import Person
from tests.vector_files import subscription_at

pytestmark = pytest.mark.anyio

NOW = 1_760_000_000_000
MANY = (
    "INSERT INTO subscription SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), 'https://x.org/', "
    "'\\x00', '\\x00', 1, NULL FROM generate_series(1, :rows) AS n"
)
NEW = subscription_at("https://fcm.googleapis.com/fcm/send/new")
EXPIRED = NEW.model_copy(update={"expires_at": 1})


def now() -> int:
    """Return a time that stands still."""
    return NOW


def in_half_a_year() -> int:
    """Return the time when what is stored now has expired."""
    return NOW + SUBSCRIPTION_LIFE_MS


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Yield the statements that are sent until the block ends."""
    statements: list[str] = []

    def record(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", record)
    yield statements
    event.remove(Engine, "before_cursor_execute", record)


async def test_only_the_expired_are_purged(
    subscriptions: Subscriptions, database: Database, alice: Person, bob: Person
) -> None:
    """A purge deletes what has expired and nothing else: of one device a row in either table."""
    await subscriptions.upsert(alice.address, NEW.model_copy(update={"expires_at": NOW}), None, NOW - 1)
    await subscriptions.upsert(bob.address, NEW, None, NOW)

    assert await purge(database, now) == 2
    assert await subscriptions.get(bob.address, NOW)


async def test_a_purge_of_very_many_ends(database: Database) -> None:
    """It takes so many at a time, whatever has gathered."""
    await database.fetch(text(MANY).bindparams(rows=3 * PURGE_BATCH + 1))

    assert await purge(database, now) == 3 * PURGE_BATCH + 1


async def test_in_the_end_the_forgotten_are_wholly_forgotten(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """No address is kept for good, and nobody can fill the table with addresses for good."""
    await subscriptions.tombstone(alice.address, NOW)

    assert await purge(database, in_half_a_year) == 2  # of the address, and of all its devices
    assert await database.fetch(text("SELECT 1 FROM subscription UNION ALL SELECT 1 FROM device")) == []


async def test_a_purge_is_of_plain_statements(database: Database) -> None:
    """Which distributed engines refuse: row locks, a `WITH` that changes rows, functions of one engine."""
    await database.fetch(text(MANY).bindparams(rows=1))

    with recorded() as statements:
        await purge(database, now)

    assert {statement.split()[0] for statement in statements} == {"INSERT", "SELECT", "DELETE"}
    assert not [each for each in statements if "FOR UPDATE" in each or "WITH" in each or "pg_" in each]


async def hold_lease(database: Database, ends: int) -> None:
    """Take the lease as another instance does."""
    await database.fetch(
        text("INSERT INTO subscription (address, signed_at) VALUES (:lease, :ends)").bindparams(
            lease=LEASE, ends=ends
        )
    )


async def test_one_instance_purges_at_a_time(database: Database) -> None:
    """While another holds the lease, nothing is done."""
    await database.fetch(text(MANY).bindparams(rows=1))
    await hold_lease(database, NOW + 1)

    assert await purge(database, now) is None
    assert await purge(database, lambda: NOW + 1) == 1


async def test_a_lease_is_left_to_nobody(database: Database) -> None:
    """It is given back at the end, and that of an instance that died ends by itself."""
    await purge(database, now)
    left = await database.fetch(text("SELECT 1 FROM subscription"))
    await hold_lease(database, NOW + LEASE_MS)

    assert left == []
    assert await purge(database, lambda: NOW + LEASE_MS) == 0


def test_the_lease_is_under_no_bodys_address() -> None:
    """Whoever could register there would hold up every purge."""
    with pytest.raises(ValueError, match="key"):
        Address.of(LEASE)


async def test_instances_that_purge_at_once_delete_each_row_once(database: Database) -> None:
    """Whatever one has begun, they count no row twice."""
    await database.fetch(text(MANY).bindparams(rows=5 * PURGE_BATCH))

    purged = await asyncio.gather(*(purge(database, now) for _ in range(4)))
    rest = await purge(database, now)

    assert sum(each or 0 for each in purged) + (rest or 0) == 5 * PURGE_BATCH


async def test_a_row_that_is_renewed_meanwhile_stays(
    subscriptions: Subscriptions, database: Database, migrated: URL, alice: Person
) -> None:
    """It had expired when it was found, and has not when it would be deleted."""
    await subscriptions.upsert(alice.address, EXPIRED, None, NOW)
    engine = create_async_engine(migrated)
    renewal = text("UPDATE device SET expires_at = :later WHERE address = :address")
    async with engine.begin() as other:
        await other.execute(renewal.bindparams(later=2 * NOW, address=alice.address.raw))
        purging = asyncio.create_task(purge(database, now))
        await asyncio.sleep(0.2)
        assert not purging.done()
    await engine.dispose()

    assert await purging == 1  # of the version before
    assert await subscriptions.get(alice.address, NOW)


async def test_a_purge_waits_for_a_row_no_longer_than_a_statement_may(
    subscriptions: Subscriptions, database: Database, migrated: URL, alice: Person, bob: Person
) -> None:
    """Somebody holds it and went to lunch: the next purge deletes it with the others."""
    for person in (alice, bob):
        await subscriptions.upsert(person.address, EXPIRED, None, NOW)
    engine = create_async_engine(migrated)
    lock = text("SELECT 1 FROM device WHERE address = :address FOR UPDATE")
    async with engine.begin() as other:
        await other.execute(lock.bindparams(address=alice.address.raw))
        with pytest.raises(DatabaseUnavailable):
            await purge(database, now)
    await engine.dispose()

    assert await purge(database, now) == 4


async def test_the_expired_go_by_themselves(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """While the server runs, what has expired is deleted."""
    subscription = subscription_at("https://fcm.googleapis.com/x").model_copy(update={"expires_at": 2})
    await subscriptions.upsert(alice.address, subscription, None, 1)
    purged: list[int] = []

    async with run_purger(database, lambda: 3, purged.append, every=0.01), asyncio.timeout(5):
        while not purged:
            await asyncio.sleep(0.01)

    assert purged[0] == 2
    assert not await database.fetch(text("SELECT 1 FROM subscription UNION ALL SELECT 1 FROM device"))


async def test_a_purge_outlives_a_database_that_is_away() -> None:
    """Purging goes on when the database does not answer."""
    asked = asyncio.Event()

    def clock() -> int:
        if clocks:
            asked.set()
        clocks.append(1)
        return 1

    clocks: list[int] = []
    purged: list[int] = []
    async with (
        open_database(parse_url("postgresql://127.0.0.1:1/calls")) as away,
        run_purger(away, clock, purged.append, every=0.01),
    ):
        await asyncio.wait_for(asked.wait(), 10)


async def test_a_purge_that_is_wrong_is_no_outage(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its traceback, and tried again."""
    purged: list[int] = []
    await database.fetch(text("ALTER TABLE subscription RENAME COLUMN expires_at TO other"))
    async with run_purger(database, now, purged.append, every=0.01), asyncio.timeout(5):
        while not caplog.records:
            await asyncio.sleep(0.01)
        await database.fetch(text("ALTER TABLE subscription RENAME COLUMN other TO expires_at"))
        while not purged:
            await asyncio.sleep(0.01)

    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert "expires_at does not exist" in str(caplog.records[0].exc_info)
