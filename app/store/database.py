"""The engine: one pool of connections, every wait bounded, every failure said in the protocol's words."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from asyncpg import (
    AdminShutdownError,
    CrashShutdownError,
    InterfaceError,
    PostgresConnectionError,
    PostgresError,
    Record,
)
from sqlalchemy import Executable, Row, event, make_url, text
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.protocol.subscription import MAX_PORT
from app.store.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

# What can't be closed properly is gone already: that is no news to anybody, and less so a traceback of it.
logging.getLogger("sqlalchemy.pool.impl.AsyncAdaptedQueuePool").addFilter(
    lambda record: not record.msg.startswith(("Exception closing", "Exception terminating"))
)

ACQUIRE_S = 1  # for a connection of the pool
CONNECT_S = 2  # for a new connection
STATEMENT_S = 1.5  # for a statement; each of ours touches one row by its key
TOTAL_S = 2.5  # for all of these together, a second attempt included
CLOSE_S = 2  # for the pool, when the server stops: a database that hangs does not hold it up
POOL_SIZE = 10  # connections that stay open, for each worker
POOL_OVERFLOW = 10  # more of them under load
READ_ONLY = "25006"  # SQLSTATE of a write that a standby, or a demoted primary, refuses
LOG_EVERY_S = 5  # while it is away, every call would say the same
RETRY_AFTER_S = 1  # what a caller is told while the database is away


class InvalidDatabaseUrl(ValueError):
    """The text is not the URL of a Postgres database."""


def parse_url(text: str) -> URL:
    """Take a URL as libpq and hosting services write it. Raise `InvalidDatabaseUrl` if it can't be used.

    `postgres://` and `postgresql://` are the same; `sslmode` becomes `ssl`, which asyncpg reads;
    `pgbouncer=true` prepares no statement for longer than it runs. Parameters that ask for what is done
    anyway, or change nothing here, are left out.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise InvalidDatabaseUrl("not a URL like postgresql://user:password@host:5432/name") from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+asyncpg"):
        raise InvalidDatabaseUrl("not a Postgres URL: it must begin with postgresql://")
    if url.port is not None and url.port > MAX_PORT:
        raise InvalidDatabaseUrl("its port does not exist")
    query = {("ssl" if name == "sslmode" else name): value for name, value in url.query.items()}
    if query.keys() - _PARAMETERS - _NEEDLESS:
        known = ", ".join(sorted(_PARAMETERS))
        raise InvalidDatabaseUrl(f"a parameter of it is not known; these are: {known}")
    kept = {name: value for name, value in query.items() if name in _PARAMETERS}
    if kept.pop("pgbouncer", "false") != "false":
        kept[_KEPT_STATEMENTS] = "0"
    return url.set(drivername="postgresql+asyncpg", query=kept)


_KEPT_STATEMENTS = "prepared_statement_cache_size"
_PARAMETERS = {"host", "port", "ssl", "target_session_attrs", "pgbouncer", _KEPT_STATEMENTS}
_NEEDLESS = {"application_name", "channel_binding", "connect_timeout", "gssencmode"}


# Told of each statement: its name, and the seconds it took with all its waits.
Observe = Callable[[str, float], None]

R = TypeVar("R")
Execute = Callable[[AsyncConnection], Awaitable[R]]

# What SQLAlchemy says of the driver, and what the driver says itself; of that, what another connection mends.
_FAILURES = (OSError, SQLAlchemyError, PostgresError, InterfaceError)
_ENDED = (PostgresConnectionError, AdminShutdownError, CrashShutdownError, InterfaceError)


def unobserved(_: str, __: float) -> None:
    """Tell nobody."""


class Database:
    """Runs statements, each its own transaction; all of them may safely run twice."""

    def __init__(self, engine: AsyncEngine, observe: Observe = unobserved) -> None:
        self._engine = engine
        self._observe = observe
        self._silent_until = 0.0

    async def fetch(self, statement: Executable, name: str = "other") -> Sequence[Row[Any]]:
        """Return the rows of *statement*, which is tried once more when its connection was lost.

        *name* is what it is measured as. Raise `DatabaseUnavailable` when there is no answer in time; why is
        logged.
        """

        async def execute(connection: AsyncConnection) -> Sequence[Row[Any]]:
            result = await connection.execute(statement)
            return result.all() if result.returns_rows else ()

        return await self._measured(name, execute)

    async def look_up(self, query: str, *values: object, name: str) -> Sequence[Record]:
        """Return the rows of *query* as `fetch` does, but in the driver's own words: $1 is the first value.

        This is for what each call needs: it goes without SQLAlchemy's work on a statement and on its rows.
        """

        async def execute(connection: AsyncConnection) -> Sequence[Record]:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            try:
                rows: Sequence[Record] = await driver.fetch(query, *values)
            except BaseException as error:
                await connection.invalidate()  # nobody else knows that it may be of no more use
                if isinstance(error, (OSError, PostgresError)) or not isinstance(error, Exception):
                    raise
                # The driver has many words for a connection that ended: InternalClientError is one more.
                raise InterfaceError(str(error)) from error
            return rows

        return await self._measured(name, execute)

    async def _measured(self, name: str, execute: Execute[R]) -> R:
        began = time.monotonic()
        try:
            async with asyncio.timeout(TOTAL_S):
                return await self._twice(execute)
        except TimeoutError as error:
            raise self._unavailable(error) from error
        finally:
            self._observe(name, time.monotonic() - began)

    async def _twice(self, execute: Execute[R]) -> R:
        try:
            return await self._once(execute)
        except _FAILURES as error:
            if not _lost_connection(error):
                raise self._unavailable(error) from error
            if isinstance(error, _ENDED):  # and so, most likely, were the others of the pool
                await self._engine.dispose()
        try:
            return await self._once(execute)
        except _FAILURES as error:
            raise self._unavailable(error) from error

    async def _once(self, execute: Execute[R]) -> R:
        async with self._engine.connect() as connection:
            return await execute(connection)

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + LOG_EVERY_S
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


@asynccontextmanager
async def open_database(url: URL, observe: Observe = unobserved) -> AsyncIterator[Database]:
    """Open the pool, and close it. No connection is made before the first statement."""
    unnamed = _UNNAMED if url.query.get(_KEPT_STATEMENTS) == "0" else {}
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=ACQUIRE_S,
        connect_args={"timeout": CONNECT_S, "command_timeout": STATEMENT_S, **unnamed},
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "handle_error", _leave_read_only)
    try:
        yield Database(engine, observe)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await engine.dispose()


def _leave_read_only(context: ExceptionContext) -> None:
    """Let go of the whole pool: after a failover its sessions would be refused every write for ever."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


def first_line(error: BaseException | None) -> str:
    """Say what went wrong in one line for an operator; the driver's messages name no password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return next(iter(str(cause).splitlines()), type(cause).__name__)


def _lost_connection(error: Exception) -> bool:
    return isinstance(error, (ConnectionError, *_ENDED)) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
