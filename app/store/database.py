"""Database engine: one connection pool, a deadline for every wait, and a list of what an outage is."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from ssl import SSLCertVerificationError
from typing import Any, TypeVar

from asyncpg import Record, TargetServerAttributeNotMatched
from sqlalchemy import Executable, Row, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.limits.breaker import Breaker
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable
from app.store.url import KEPT_STATEMENTS

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


# What an outage is, by SQLSTATE: the first characters of those that the server may answer through no fault of
# ours. Whatever is not here, a wrong argument, a syntax error, "not supported", is a fault of ours.
_OUTAGES = (
    "08",  # the connection was lost or refused
    "25006",  # a write that a standby, or a demoted primary, refuses
    "40",  # rolled back: a deadlock, a conflict with what a replica replays
    "53",  # too many connections, no memory, a full disk
    "55P03",  # a lock that was not to be had in time
    "57",  # cancelled, shutting down, starting up
)

# Those that say of the connection, and most likely of all others in the pool, that it is of no more use.
_LOST = ("08", "25006", "57P")

# What an operator has to mend: credentials, the database's name, rights.
_MISCONFIGURED = ("28", "3D", "42501")

# Told of each statement: its name, and the seconds it took with all its waits.
Observe = Callable[[str, float], None]

R = TypeVar("R")
Execute = Callable[[AsyncConnection], Awaitable[R]]


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

    async def fetch(self, statement: Executable, name: str = "other") -> Sequence[Row[Any]]:
        """Return the rows of *statement*; *name* is what it is measured as.

        Raise `DatabaseUnavailable` in an outage, after at most `TOTAL_S`; why is logged. Raise
        `DatabaseMisconfigured` when the server is not let in or lacks a right. Any other error is a fault of
        ours, and raised as the driver raised it.
        """

        async def execute(connection: AsyncConnection) -> Sequence[Row[Any]]:
            result = await connection.execute(statement)
            return result.all() if result.returns_rows else ()

        return await self._run(name, execute)

    async def look_up(self, query: str, *values: object, name: str) -> Sequence[Record]:
        """Return the rows of *query* as `fetch` does, but in the driver's own words: $1 is the first value.

        This is for what each call needs: it goes without SQLAlchemy's work on a statement and on its rows.
        """

        async def execute(connection: AsyncConnection) -> Sequence[Record]:
            rows: Sequence[Record] = await (await _driver(connection)).fetch(query, *values)
            return rows

        return await self._run(name, execute)

    async def _run(self, name: str, execute: Execute[R]) -> R:
        loop_time = asyncio.get_running_loop().time  # finer than ms, for the measure alone
        began = loop_time()
        try:
            async with asyncio.timeout(TOTAL_S):
                return await self._try_twice(execute)
        except Exception as error:
            if is_outage(error):
                raise self._unavailable(error) from error
            if _is_misconfigured(error):
                raise DatabaseMisconfigured(first_line(error)) from error
            raise
        finally:
            self._observe(name, loop_time() - began)

    async def _try_twice(self, execute: Execute[R]) -> R:
        try:
            return await self._try(execute)
        except Exception as error:
            if not _is_lost(error):
                raise
        return await self._try(execute)

    async def _try(self, execute: Execute[R]) -> R:
        async with self._engine.connect() as connection:
            driver = await _driver(connection)
            try:
                return await execute(connection)
            except BaseException as error:
                if driver.is_closed() or _is_lost(error):
                    await connection.invalidate()
                    await self._engine.dispose()
                    raise ConnectionLost(first_line(error)) from error
                if is_outage(error) or not isinstance(error, Exception):
                    await connection.invalidate()  # a statement may still be on it
                raise

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        now = self._monotonic_ms()
        if not self._logged.wait(now):
            self._logged.fail(now)
            log.warning("the database does not serve: %s", first_line(error))
        return DatabaseUnavailable(retry_after=RETRY_AFTER_S)

    async def revision(self) -> str | None:
        """Return the schema's Alembic revision, `None` for an empty database."""
        known = await self.fetch(text("SELECT to_regclass('alembic_version')"), "check")
        if known[0][0] is None:
            return None
        rows = await self.fetch(text("SELECT version_num FROM alembic_version"), "check")
        return str(rows[0][0]) if rows else None


# A pooler in transaction mode gives each statement another session: a name prepared in one is unknown in the
# next, or somebody else's. Without names and cache the driver parses and runs a statement in one go.
_UNNAMED: dict[str, Any] = {"statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}

# Our pools log under a name of their own. What they say is of connections that could not be closed properly,
# with a traceback for each: they are gone already, and the statement that was on one has told so.
POOL_NAME = "whisper"
POOL_LOG = f"sqlalchemy.pool.impl.AsyncAdaptedQueuePool.{POOL_NAME}"


@asynccontextmanager
async def open_database(
    url: URL, observe: Observe, monotonic_ms: Callable[[], int]
) -> AsyncIterator[Database]:
    """Open the pool, and close it. No connection is made before the first statement."""
    logging.getLogger(POOL_LOG).setLevel(logging.CRITICAL)
    unnamed = _UNNAMED if url.query.get(KEPT_STATEMENTS) == "0" else {}
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=ACQUIRE_S,
        pool_logging_name=POOL_NAME,
        connect_args={"timeout": CONNECT_S, "command_timeout": STATEMENT_S, **unnamed},
        hide_parameters=True,
    )
    try:
        yield Database(engine, observe, monotonic_ms)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await engine.dispose()


def log_statement(name: str, seconds: float) -> None:
    """Log a statement and its time at DEBUG: `observe` of a command, which has no metrics."""
    log.debug("statement %s took %.1f ms", name, 1000 * seconds)


def first_line(error: BaseException | None) -> str:
    """Return what went wrong in one line for an operator; the driver's messages name no password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return next(iter(str(cause).splitlines()), type(cause).__name__)


def is_outage(error: BaseException) -> bool:
    """Tell whether *error* says that the database is away for now, rather than that we made a mistake."""
    driver_error = _driver_error(error)
    if isinstance(driver_error, SSLCertVerificationError):
        return False
    return isinstance(driver_error, (OSError, PoolTimeout, TargetServerAttributeNotMatched)) or (
        sqlstate(error).startswith(_OUTAGES)
    )


def sqlstate(error: BaseException) -> str:
    """Return the SQLSTATE of *error*, empty when it has none."""
    return getattr(_driver_error(error), "sqlstate", None) or ""


def _is_lost(error: BaseException) -> bool:
    return isinstance(_driver_error(error), ConnectionError) or sqlstate(error).startswith(_LOST)


def _is_misconfigured(error: BaseException) -> bool:
    certificate = isinstance(_driver_error(error), SSLCertVerificationError)
    return certificate or sqlstate(error).startswith(_MISCONFIGURED)


def _driver_error(error: BaseException) -> BaseException:
    """Return what the driver raised, from under SQLAlchemy's error."""
    return error.driver_exception if isinstance(error, DBAPIError) and error.orig else error


async def _driver(connection: AsyncConnection) -> Any:  # noqa: ANN401 - asyncpg has no types
    return (await connection.get_raw_connection()).driver_connection
