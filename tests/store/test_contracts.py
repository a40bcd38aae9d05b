"""Contracts with the store's dependencies: each test names the one that has changed what is relied on."""

import inspect
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Table, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlmodel import SQLModel

from app.store.database import POOL_LOG, POOL_NAME
from app.store.tables import SubscriptionRow

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(migrated: URL) -> AsyncIterator[AsyncEngine]:
    """Open an engine as the server does."""
    opened = create_async_engine(
        migrated,
        isolation_level="AUTOCOMMIT",
        pool_logging_name=POOL_NAME,
        connect_args={"prepared_statement_name_func": lambda: "", "statement_cache_size": 0},
    )
    yield opened
    await opened.dispose()


async def test_sqlalchemy_names_a_pools_log_as_we_silence_it(engine: AsyncEngine) -> None:
    """By the module and the class of the pool, and the name that it was given; the next pool has it, too."""
    loggers = [engine.pool.logger]
    await engine.dispose()
    loggers.append(engine.pool.logger)

    assert loggers == [logging.getLogger(POOL_LOG)] * 2


async def test_sqlalchemy_hands_out_asyncpgs_connection(engine: AsyncEngine) -> None:
    """It tells whether it is closed."""
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        open_ = driver and not driver.is_closed()
        rows = await driver.fetch("SELECT $1::int", 1) if driver else []

    assert isinstance(driver, asyncpg.Connection)
    assert (open_, rows[0][0]) == (True, 1)


async def test_sqlalchemy_keeps_what_is_noted_of_a_connection(engine: AsyncEngine) -> None:
    """An event notes it once, and each who takes the connection from the pool reads it."""
    made: list[ConnectionPoolEntry] = []

    def note(_: object, record: ConnectionPoolEntry) -> None:
        made.append(record)
        record.info["number"] = len(made)

    event.listen(engine.sync_engine, "connect", note)
    read = []
    for _ in range(2):
        async with engine.connect() as connection:
            read.append(connection.info["number"])

    assert read == [1, 1]


async def test_sqlalchemy_replaces_a_connection_that_is_refused(engine: AsyncEngine) -> None:
    """By an event, when it is taken from the pool: `DisconnectionError` makes it take a new one."""
    taken: list[object] = []

    def refuse_the_second(driver: object, _: ConnectionPoolEntry, __: object) -> None:
        taken.append(driver)
        if len(taken) == 2:
            raise DisconnectionError

    event.listen(engine.sync_engine, "checkout", refuse_the_second)
    for _ in range(2):
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1

    assert len(taken) == 3
    assert taken[0] is taken[1]
    assert taken[1] is not taken[2]


async def test_sqlalchemy_gives_a_connection_back_at_the_exit_alone(engine: AsyncEngine) -> None:
    """Of one that was awaited: a look-up keeps it and hands its exit to a stack later."""
    pool = engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    connection = await engine.connect()
    kept = pool.checkedout()

    async with AsyncExitStack() as stack:
        stack.push_async_exit(connection)

    assert (kept, pool.checkedout(), connection.closed) == (1, 0, True)


async def test_sqlalchemy_lets_an_invalidated_connection_go(engine: AsyncEngine) -> None:
    """It is closed, and the next is another."""
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        await connection.invalidate()
    async with engine.connect() as connection:
        after = (await connection.get_raw_connection()).driver_connection

    assert driver
    assert after
    assert (driver.is_closed(), after.is_closed()) == (True, False)


async def test_sqlalchemy_keeps_asyncpgs_error(engine: AsyncEngine) -> None:
    """With its SQLSTATE."""
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as failed:
            await connection.execute(text("SELECT 1 / 0"))

    assert isinstance(failed.value.driver_exception, asyncpg.DivisionByZeroError)
    assert failed.value.driver_exception.sqlstate == "22012"


async def test_sqlalchemy_does_not_wrap_what_is_no_error_of_postgres() -> None:
    """A refused connection is the operating system's."""
    engine = create_async_engine("postgresql+asyncpg://127.0.0.1:1/calls")
    with pytest.raises(ConnectionRefusedError):
        async with engine.connect():
            pass


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asyncpg.ConnectionDoesNotExistError, "08003"),
        (asyncpg.PostgresConnectionError, "08000"),
        (asyncpg.ReadOnlySQLTransactionError, "25006"),
        (asyncpg.TooManyConnectionsError, "53300"),
        (asyncpg.QueryCanceledError, "57014"),
        (asyncpg.AdminShutdownError, "57P01"),
        (asyncpg.CannotConnectNowError, "57P03"),
        (asyncpg.LockNotAvailableError, "55P03"),
    ],
)
def test_asyncpgs_errors_carry_their_sqlstate(error: type[asyncpg.PostgresError], code: str) -> None:
    """Also those that it makes itself."""
    assert error.sqlstate == code


def test_asyncpg_has_its_own_error_for_hosts_that_are_not_what_was_asked_for() -> None:
    """It has no SQLSTATE."""
    assert issubclass(asyncpg.TargetServerAttributeNotMatched, asyncpg.InternalClientError)
    assert not issubclass(asyncpg.TargetServerAttributeNotMatched, asyncpg.PostgresError)


@pytest.mark.parametrize(
    "name",
    [
        "command_timeout",
        "dsn",
        "passfile",
        "server_settings",
        "ssl",
        "statement_cache_size",
        "target_session_attrs",
        "timeout",
    ],
)
def test_asyncpg_takes_what_the_engine_hands_it(name: str) -> None:
    """By these names."""
    assert name in inspect.signature(asyncpg.connect).parameters


def test_sqlmodel_puts_its_tables_into_the_metadata() -> None:
    """As SQLAlchemy Core's."""
    table = SQLModel.metadata.tables["subscription"]

    assert isinstance(table, Table)
    assert str(SubscriptionRow.__tablename__) == "subscription"


def test_alembic_needs_no_file_of_settings() -> None:
    """The folder of migrations and attributes are enough."""
    config = Config()
    config.set_main_option("script_location", "/a b'$x%%20")
    config.attributes["url"] = "x"

    assert config.get_main_option("script_location") == "/a b'$x%20"
    assert "revision" in inspect.signature(command.upgrade).parameters
