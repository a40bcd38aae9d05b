"""Purge of expired rows by plain statements under a lease: the same on one Postgres and on a cluster."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from sqlalchemy import ARRAY, ColumnElement, LargeBinary, Table, and_, any_, delete, literal, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.protocol.constants import SUBSCRIPTION_LIFE_MS
from app.store.database import Database
from app.store.errors import DatabaseUnavailable
from app.store.tables import DEVICE, SUBSCRIPTION

log = logging.getLogger(__name__)

_row = SUBSCRIPTION.c

Conditions = Sequence[ColumnElement[bool]]

PURGE_EVERY_S = 60 * 60  # expired rows are not found anyway; purging only frees their space
PURGE_BATCH = 1000  # takes a few milliseconds

# The lease is a row of the table itself: every engine that serves calls can take it, and it needs no further
# right. Its address is no key's (y = 0 is a point of small order), and it looks like a tombstone, whose
# `signed_at` is when the lease ends.
LEASE = bytes(32)
LEASE_MS = 10_000  # for one batch, which waits at most 5 s for the database


async def purge(database: Database, clock: Callable[[], int]) -> int | None:
    """Delete what has expired, a batch at a time, and return how many rows; `None` if another is at it.

    Tombstones go as long after they were made as a registration lives. The lease only spares the database
    work that is done twice: a row is deleted if it is still expired then, whoever else purges or updates.
    """
    purged: int | None = None
    ends = 0
    try:
        while await _take_lease(database, now := clock(), ends):
            ends = now + LEASE_MS
            purged = purged or 0
            found = 0
            for table, conditions in _expired_conditions(now).items():
                addresses = await _find_expired(database, table, conditions)
                found += len(addresses)
                purged += await _delete_expired(database, table, conditions, addresses)
            if not found:
                break
    finally:
        if ends:
            with suppress(DatabaseUnavailable):  # then it ends by itself
                await _return_lease(database, ends)
    return purged


async def _take_lease(database: Database, now: int, ends: int) -> bool:
    """Take the lease, or extend the one that *ends* then; tell if it was to be had."""
    lease = insert(SUBSCRIPTION).values(address=LEASE, signed_at=now + LEASE_MS)
    taken = lease.on_conflict_do_update(
        index_elements=[_row.address],
        set_={"signed_at": lease.excluded.signed_at},
        where=or_(_row.signed_at <= now, _row.signed_at == ends),
    ).returning(_row.address)
    return bool(await database.fetch(taken, "purge"))


async def _return_lease(database: Database, ends: int) -> None:
    await database.fetch(delete(SUBSCRIPTION).where(_row.address == LEASE, _row.signed_at == ends), "purge")


async def _find_expired(database: Database, table: Table, conditions: Conditions) -> Sequence[bytes]:
    """Return the addresses of some expired rows, and of some tombstones: each is found by an index."""
    return [
        row.address
        for condition in conditions
        for row in await database.fetch(select(table.c.address).where(condition).limit(PURGE_BATCH), "purge")
    ]


async def _delete_expired(
    database: Database, table: Table, conditions: Conditions, addresses: Sequence[bytes]
) -> int:
    if not addresses:
        return 0
    among = table.c.address == any_(literal(addresses, ARRAY(LargeBinary)))
    gone = delete(table).where(among, or_(*conditions)).returning(table.c.address)
    return len(await database.fetch(gone, "purge"))


def _expired_conditions(now: int) -> Mapping[Table, Conditions]:
    """Return what is true of the rows of each table that have expired."""
    forgotten = and_(_row.endpoint.is_(None), _row.signed_at <= now - SUBSCRIPTION_LIFE_MS)
    return {DEVICE: [DEVICE.c.expires_at <= now], SUBSCRIPTION: [_row.expires_at <= now, forgotten]}


@asynccontextmanager
async def run_purger(
    database: Database,
    clock: Callable[[], int],
    observe: Callable[[int], None],
    every: float = PURGE_EVERY_S,
) -> AsyncIterator[None]:
    """Purge at once and *every* so many seconds, until the block ends; *observe* is told how many rows."""
    task = asyncio.create_task(_purge_forever(database, clock, observe, every))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _purge_forever(
    database: Database, clock: Callable[[], int], observe: Callable[[int], None], every: float
) -> None:
    while True:
        try:
            purged = await purge(database, clock)
        except DatabaseUnavailable:
            log.warning("the database is unavailable; expired subscriptions stay for now")
        except Exception:
            log.exception("expired subscriptions could not be purged")
        else:
            if purged is None:
                log.info("another instance purges expired subscriptions just now")
            else:
                log.info("purged %d expired subscriptions", purged)
                observe(purged)
        await asyncio.sleep(every)
