"""Contracts with the store's dependencies: each test names the one that has changed what is relied on."""

import inspect
import logging
from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Table, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
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
