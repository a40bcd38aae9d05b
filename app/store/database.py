"""Database engine: one connection pool, a deadline for every wait, a second try on a lost connection."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from asyncpg import Record
from sqlalchemy import Executable, Row, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.limits.breaker import Breaker
from app.store.error_classification import first_line, hide_details, is_lost, is_misconfigured, is_outage
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable
from app.store.url import KEPT_STATEMENTS, split_url

log = logging.getLogger(__name__)

ACQUIRE_S = 1  # for a connection of the pool
CONNECT_S = 2  # for a new connection
STATEMENT_S = 1.5  # for a statement; each of ours touches one row by its key
TOTAL_S = 2.5  # for all of these together, a second attempt included
CLOSE_S = 2  # for the pool, when the server stops: a database that hangs does not hold it up
POOL_SIZE = 10  # connections that stay open, for each worker
POOL_OVERFLOW = 10  # more of them under load
LOG_EVERY_MS = 5000  # while it is away, every call would say the same
RETRY_AFTER_S = 1  # what a caller is told while the database is away

# Told of each statement: its name, and the seconds it took with all its waits.
Observe = Callable[[str, float], None]

R = TypeVar("R")


class _Session(NamedTuple):
    """A connection of the pool, the driver's own in it, and the generation that it is of."""

    connection: AsyncConnection
    driver: Any  # asyncpg has no types
    generation: int


Execute = Callable[[_Session], Awaitable[R]]


class ConnectionLost(ConnectionError):
    """The connection ended while a statement was on it."""


class Database:
    """Statements in autocommit, each tried once more when its connection was lost: all may safely run twice.

    *observe* is told of each statement; *monotonic_ms* is a clock that never jumps.
    """

    def __init__(self, engine: AsyncEngine, observe: Observe, monotonic_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._observe = observe
        self._monotonic_ms = monotonic_ms
        self._logged = Breaker(LOG_EVERY_MS)
        self._generation = 0  # of the pool's connections: when one is lost, all older ones are let go
        self._kept: _Session | None = None  # of the latest look-up, for the next
        self._closed = False
        event.listen(engine.sync_engine, "connect", self._mark_connection)
        event.listen(engine.sync_engine, "checkout", self._refuse_older)

    async def fetch(
        self, statement: Executable, name: str = "other", values: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """Return the rows of *statement*, with *values* if it has none; *name* is what it is measured as.

        Raise `DatabaseUnavailable` in an outage, after at most `TOTAL_S`; why is logged. Raise
        `DatabaseMisconfigured` when the server is not let in or lacks a right. Any other error is a fault of
        ours, and raised as the driver raised it, without its details.
        """

        async def execute(session: _Session) -> Sequence[Row[Any]]:
            result = await session.connection.execute(statement, values)
            return result.all() if result.returns_rows else ()

        return await self._run(name, lambda: self._try(execute))

    async def look_up(self, query: str, *values: object, name: str) -> Sequence[Record]:
        """Return the rows of *query* as `fetch` does, but in the driver's own words: $1 is the first value.

        This is for what each call needs, without SQLAlchemy's work on statement, rows and pool each time.
        """

        async def execute(session: _Session) -> Sequence[Record]:
            rows: Sequence[Record] = await session.driver.fetch(query, *values)
            return rows

        return await self._run(name, lambda: self._try_kept(execute))

    async def close(self) -> None:
        """Give the kept connection back to the pool."""
        self._closed = True
        if self._kept is not None:
            await self._kept.connection.close()

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

    async def _try(self, execute: Execute[R]) -> R:
        async with self._engine.connect() as connection:
            return await self._use(await _open_session(connection), execute)

    async def _try_kept(self, execute: Execute[R]) -> R:
        """Execute over the kept connection, which is another's meanwhile, and keep the one that was used."""
        session, self._kept = self._kept, None
        if session is not None and session.generation < self._generation:
            await session.connection.close()  # the pool lets it go
            session = None
        session = session or await _open_session(await self._engine.connect())
        async with AsyncExitStack() as stack:
            stack.push_async_exit(session.connection)
            result = await self._use(session, execute)
            if self._kept is None and not self._closed:
                self._kept = session
                stack.pop_all()
        return result

    async def _use(self, session: _Session, execute: Execute[R]) -> R:
        connection, driver, generation = session
        try:
            return await execute(session)
        except BaseException as error:
            # Cancelled, a statement may close its connection: that is no loss, and must not run again.
            if isinstance(error, Exception) and (driver.is_closed() or is_lost(error)):
                await connection.invalidate()
                self._generation = max(self._generation, generation + 1)
                raise ConnectionLost(first_line(error)) from error
            if is_outage(error) or not isinstance(error, Exception):
                await connection.invalidate()  # a statement may still be on it
            raise

    def _mark_connection(self, _: object, record: ConnectionPoolEntry) -> None:
        record.info["generation"] = self._generation

    def _refuse_older(self, _: object, record: ConnectionPoolEntry, __: object) -> None:
        if record.info["generation"] < self._generation:
            raise DisconnectionError  # the pool closes it and makes another

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        now = self._monotonic_ms()
        if not self._logged.remaining_ms(now):
            self._logged.fail(now)
            log.warning("the database does not serve: %s", first_line(error))
        return DatabaseUnavailable(retry_after=RETRY_AFTER_S)


# A pooler in transaction mode gives each statement another session: a name prepared in one is unknown in the
# next, or somebody else's. Without names and cache the driver parses and runs a statement in one go.
_UNNAMED: dict[str, Any] = {"statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}

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
        connect_args={"timeout": CONNECT_S, "command_timeout": STATEMENT_S, **unnamed, **arguments},
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


async def _open_session(connection: AsyncConnection) -> _Session:
    driver = (await connection.get_raw_connection()).driver_connection
    return _Session(connection, driver, connection.info["generation"])
