"""Database engine: a pool, a deadline for every wait, a second try on a lost connection."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from asyncpg import Record
from sqlalchemy import Executable, Row
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.limits.circuit_breaker import CircuitBreaker
from app.store.connections import Connections, PooledConnection
from app.store.error_classification import (
    first_line,
    hide_details,
    is_lost,
    is_misconfigured,
    is_outage,
)
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable
from app.store.url import KEPT_STATEMENTS, split_url

log = logging.getLogger(__name__)

ACQUIRE_S = 1  # for a connection of the pool
CONNECT_S = 2  # for a new connection
STATEMENT_S = 1.5  # for a statement; each of ours touches rows by their keys
TOTAL_S = 2.5  # for all of these together, a second attempt included
CLOSE_S = 2  # for the pool, when the server stops: a database that hangs does not hold it up
POOL_SIZE = 10  # connections that stay open, for each worker
POOL_OVERFLOW = 10  # more of them under load
LOG_EVERY_MS = 5000  # while it is away, every call would say the same
RETRY_AFTER_S = 1  # what a caller is told while the database is away

# Told of each statement: its name, and the seconds it took with all its waits.
Observe = Callable[[str, float], None]

R = TypeVar("R")


class Database:
    """Statements in autocommit, each tried once more when its connection was lost: all may safely run twice.

    *observe* is told of each statement; *monotonic_ms* is a clock that never jumps.
    """

    def __init__(self, engine: AsyncEngine, observe: Observe, monotonic_ms: Callable[[], int]) -> None:
        self._connections = Connections(engine)
        self._observe = observe
        self._monotonic_ms = monotonic_ms
        self._log_throttle = CircuitBreaker(LOG_EVERY_MS)

    async def fetch(self, statement: Executable, name: str = "other") -> Sequence[Row[Any]]:
        """Return the rows of *statement*; *name* is what it is measured as.

        Raise `DatabaseUnavailable` in an outage, after at most `TOTAL_S`; why is logged. Raise
        `DatabaseMisconfigured` when the server is not let in or lacks a right. Any other error is a fault of
        ours, and raised as the driver raised it, without its details.
        """

        async def execute(pooled: PooledConnection) -> Sequence[Row[Any]]:
            result = await pooled.connection.execute(statement)
            return result.all() if result.returns_rows else ()

        return await self._run(name, lambda: self._connections.use(execute))

    async def execute(self, statement: str, *values: object, name: str) -> Sequence[Record]:
        """Return the rows of *statement* as `fetch` does, in the driver's own words: $1 is the first value.

        This is for what each call or update needs, without SQLAlchemy's work on statement, rows and pool.
        """

        async def execute(pooled: PooledConnection) -> Sequence[Record]:
            rows: Sequence[Record] = await pooled.driver.fetch(statement, *values)
            return rows

        return await self._run(name, lambda: self._connections.use_kept(execute))

    async def close(self) -> None:
        """Give the kept connection back to the pool."""
        await self._connections.close()

    async def _run(self, name: str, attempt: Callable[[], Awaitable[R]]) -> R:
        loop_time = asyncio.get_running_loop().time  # finer than ms, for the measure alone
        began = loop_time()
        try:
            async with asyncio.timeout(TOTAL_S):
                return await _try_twice(attempt)
        except Exception as error:
            if is_outage(error):
                raise self._unavailable(error) from error
            if is_misconfigured(error):
                raise DatabaseMisconfigured(first_line(error)) from error
            hide_details(error)
            raise
        finally:
            self._observe(name, loop_time() - began)

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        now = self._monotonic_ms()
        if not self._log_throttle.remaining_ms(now):
            self._log_throttle.fail(now)
            log.warning("the database does not serve: %s", first_line(error))
        return DatabaseUnavailable(retry_after=RETRY_AFTER_S)


# A pooler in transaction mode gives each statement another session: a name prepared in one is unknown in the
# next, or somebody else's. Without names and cache the driver parses and runs a statement in one go.
_UNNAMED: dict[str, Any] = {"statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}

# As Postgres spells it: the driver has a spelling of its own, which PgBouncer takes for a change, and sets
# in a transaction of its own before each statement.
_SERVER_SETTINGS = {"client_encoding": "UTF8"}

# Our pools say with a traceback of each connection that it could not be closed properly: it is gone already.
POOL_NAME = "whisper"
POOL_LOG = f"sqlalchemy.pool.impl.AsyncAdaptedQueuePool.{POOL_NAME}"


@asynccontextmanager
async def open_database(
    url: URL, observe: Observe, monotonic_ms: Callable[[], int]
) -> AsyncIterator[Database]:
    """Open the pool, and close it. No connection is made before the first statement."""
    logging.getLogger(POOL_LOG).setLevel(logging.CRITICAL)
    unnamed = _UNNAMED if url.query.get(KEPT_STATEMENTS) == "0" else {}
    place, arguments = split_url(url)
    engine = create_async_engine(
        place,
        isolation_level="AUTOCOMMIT",
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=ACQUIRE_S,
        pool_logging_name=POOL_NAME,
        connect_args={
            "timeout": CONNECT_S,
            "command_timeout": STATEMENT_S,
            **unnamed,
            **arguments,
            "server_settings": _SERVER_SETTINGS | arguments.get("server_settings", {}),
        },
        hide_parameters=True,
    )
    database = Database(engine, observe, monotonic_ms)
    try:
        yield database
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await database.close()
                await engine.dispose()


def log_statement(name: str, seconds: float) -> None:
    """Log a statement and its time at DEBUG: `observe` of a command, which has no metrics."""
    log.debug("statement %s took %.1f ms", name, 1000 * seconds)


async def _try_twice(attempt: Callable[[], Awaitable[R]]) -> R:
    try:
        return await attempt()
    except Exception as error:
        if not is_lost(error):
            raise
    return await attempt()
