"""A database as tests open and lock it: unobserved but for the log, on the real clock by default."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
from sqlalchemy import delete
from sqlalchemy.engine import URL

from app.clocks import monotonic_clock
from app.store.database import Database, log_statement
from app.store.database import open_database as _open_database
from app.store.tables import DEVICE, SUBSCRIPTION


def open_database(
    url: URL, monotonic_ms: Callable[[], int] = monotonic_clock
) -> AbstractAsyncContextManager[Database]:
    """Open the database at *url*, and close it."""
    return _open_database(url, log_statement, monotonic_ms)


async def empty(database: Database) -> None:
    """Delete every row."""
    for table in (DEVICE, SUBSCRIPTION):
        await database.fetch(delete(table))


@asynccontextmanager
async def locked(database: URL) -> AsyncIterator[None]:
    """Hold the tables, so that no statement on it ends in time."""
    url = database.set(drivername="postgresql").render_as_string(hide_password=False)
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE subscription, device IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await holder.close()
