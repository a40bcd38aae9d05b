"""A database as tests open and lock it: unobserved but for the log, on the real clock by default."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import asyncpg
from sqlalchemy.engine import URL

from app.clocks import monotonic_clock
from app.store.database import Database, log_statement
from app.store.database import open_database as _open_database


def open_database(
    url: URL, monotonic_ms: Callable[[], int] = monotonic_clock
) -> AbstractAsyncContextManager[Database]:
    """Open the database at *url*, and close it."""
    return _open_database(url, log_statement, monotonic_ms)


@contextmanager
def emptying(database: URL) -> Iterator[Callable[[], None]]:
    """Yield a function that deletes every row, as long as it takes, over one connection."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(_plain(database)))
        yield lambda: runner.run(connection.execute("DELETE FROM device; DELETE FROM subscription"))
        runner.run(connection.close())


@asynccontextmanager
async def locked(database: URL) -> AsyncIterator[None]:
    """Hold the tables, so that no statement on it ends in time."""
    holder = await asyncpg.connect(_plain(database))
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE subscription, device IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await holder.close()


def _plain(database: URL) -> str:
    """Return the URL as the driver takes it."""
    return database.set(drivername="postgresql").render_as_string(hide_password=False)
