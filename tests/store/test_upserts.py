"""Updates that come at once: they share a statement, and nothing else."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy.engine import URL

from app.clocks import monotonic_clock
from app.store.database import Database, open_database
from app.store.errors import DatabaseUnavailable
from app.store.upserts import UpsertResult, UpsertRow, Upserts

pytestmark = pytest.mark.anyio

NOW = 1_760_000_000_000
FIRST, SECOND = bytes([1] * 32), bytes([2] * 32)

_LOCK_DEVICE = "SELECT FROM device WHERE address = $1 FOR UPDATE"
_LOCK_NEWEST = "SELECT FROM subscription WHERE address = $1 FOR UPDATE"


def row(
    address: bytes, device: str = "phone", signed_at: int = NOW, url: str = "https://a.org/"
) -> UpsertRow:
    """Return a device as it is stored."""
    return UpsertRow(address, device, url, bytes(65), bytes(16), NOW + 1000, NOW, signed_at, None)


@pytest.fixture
def upserts(database: Database) -> Upserts:
    """Return a writer to the empty database."""
    return Upserts(database)


@asynccontextmanager
async def holding(migrated: URL, lock: str, address: bytes) -> AsyncIterator[asyncpg.Connection]:
    """Hold a row until the block ends."""
    holder = await asyncpg.connect(
        migrated.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        async with holder.transaction():
            await holder.fetchrow(lock, address)
            yield holder
    finally:
        await holder.close()


async def find_waiting(database: Database) -> int:
    """Wait for a session that waits for a lock, and return its process."""
    query = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not (found := await database.execute(query, name="test")):
        await asyncio.sleep(0.01)
    return int(found[0]["pid"])


async def stored(database: Database) -> dict[tuple[bytes, str], int]:
    """Return the devices that are stored, and when they were signed."""
    found = await database.execute("SELECT address, device, signed_at FROM device", name="test")
    return {(address, device): signed_at for address, device, signed_at in found}


async def test_updates_that_come_at_once_are_one_statement(migrated: URL, database: Database) -> None:
    """It commits once, for the devices and the newest of each address."""
    counted: Counter[str] = Counter()
    async with open_database(migrated, lambda name, _: counted.update([name]), monotonic_clock) as observed:
        upserts = Upserts(observed)
        told = await asyncio.gather(*(upserts.put(row(address)) for address in (SECOND, FIRST)))

    assert told == [UpsertResult.NEWEST] * 2
    assert counted == {"remember": 1}
    assert len(await stored(database)) == 2


@pytest.mark.parametrize("refused", ["\0", "\ud800"], ids=["by the database", "by the driver"])
async def test_a_value_that_is_refused_is_nobody_elses_fault(
    upserts: Upserts, database: Database, refused: str
) -> None:
    """The others of its batch are stored, and one person is told."""
    bad, good = row(FIRST, url=refused), row(SECOND)

    told = await asyncio.gather(upserts.put(bad), upserts.put(good), return_exceptions=True)

    assert isinstance(told[0], Exception)
    assert told[1] is UpsertResult.NEWEST
    assert list(await stored(database)) == [(SECOND, "phone")]


async def test_a_locked_row_holds_up_nobody_else(migrated: URL, upserts: Upserts) -> None:
    """Its owner is told to come again, and the others of the batch are stored."""
    await upserts.put(row(FIRST))
    async with holding(migrated, _LOCK_DEVICE, FIRST):
        later = (row(each, signed_at=NOW + 1) for each in (FIRST, SECOND))
        told = await asyncio.gather(*map(upserts.put, later), return_exceptions=True)

    assert isinstance(told[0], DatabaseUnavailable)
    assert told[1] is UpsertResult.NEWEST


@pytest.mark.parametrize("times", [(NOW, NOW + 1), (NOW + 1, NOW)], ids=["in order", "out of order"])
async def test_of_two_updates_of_a_device_at_once_the_newer_stays(
    upserts: Upserts, database: Database, times: tuple[int, int]
) -> None:
    """One that is older is refused if it comes after."""
    told = await asyncio.gather(*(upserts.put(row(FIRST, signed_at=each)) for each in times))

    assert await stored(database) == {(FIRST, "phone"): NOW + 1}
    assert told == [UpsertResult.NEWEST, UpsertResult.NEWEST if times[1] > times[0] else UpsertResult.STALE]


async def test_two_devices_of_an_address_may_come_at_once(upserts: Upserts, database: Database) -> None:
    """Both are stored; one of them is the newest."""
    rows = row(FIRST, "phone", NOW + 1), row(FIRST, "laptop", NOW)

    told = await asyncio.gather(*map(upserts.put, rows))

    assert (told, len(await stored(database))) == ([UpsertResult.NEWEST, UpsertResult.NOT_NEWEST], 2)


async def test_many_updates_of_one_address_hold_up_nobody(upserts: Upserts) -> None:
    """Each but the first waits for another statement, and the rest of their batch does not."""
    ended: list[bytes] = []

    async def put(one: UpsertRow) -> None:
        await upserts.put(one)
        ended.append(one.address)

    many = [row(FIRST, signed_at=NOW + turn) for turn in range(9)]
    await asyncio.gather(*map(put, many), put(row(SECOND)))

    assert ended == [FIRST, SECOND, *[FIRST] * 8]


@pytest.mark.parametrize("lock", [_LOCK_DEVICE, _LOCK_NEWEST], ids=["devices", "newest"])
async def test_batches_lock_addresses_in_one_order(
    migrated: URL, upserts: Upserts, database: Database, lock: str
) -> None:
    """Those of two processes never wait for each other: nothing after what is waited for is held."""
    await asyncio.gather(upserts.put(row(FIRST)), upserts.put(row(SECOND)))
    async with holding(migrated, lock, FIRST):
        later = [asyncio.ensure_future(upserts.put(row(each, signed_at=NOW + 1))) for each in (SECOND, FIRST)]
        await find_waiting(database)
        free = await database.execute(f"{lock} NOWAIT", SECOND, name="test")

    assert len(free) == 1
    assert await asyncio.gather(*later) == [UpsertResult.NEWEST] * 2


async def test_a_batch_survives_the_loss_of_its_connection(
    migrated: URL, upserts: Upserts, database: Database
) -> None:
    """It is written over another one, once for each."""
    await asyncio.gather(upserts.put(row(FIRST)), upserts.put(row(SECOND)))
    async with holding(migrated, _LOCK_NEWEST, SECOND) as holder:
        later = [asyncio.ensure_future(upserts.put(row(each, signed_at=NOW + 1))) for each in (FIRST, SECOND)]
        await holder.execute("SELECT pg_terminate_backend($1, 1000)", await find_waiting(database))

    assert await asyncio.gather(*later) == [UpsertResult.NEWEST] * 2
    assert set((await stored(database)).values()) == {NOW + 1}
