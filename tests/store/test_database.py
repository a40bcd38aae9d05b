"""Database engine: its behaviour when the database is away, and its deadlines."""

import asyncio
import logging
import os
import signal
import time

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from app.store.database import (
    CLOSE_S,
    LOG_EVERY_MS,
    POOL_LOG,
    POOL_NAME,
    POOL_OVERFLOW,
    POOL_SIZE,
    TOTAL_S,
    Database,
)
from app.store.errors import DatabaseUnavailable
from app.store.url import parse_url
from tests.databases import open_database

pytestmark = pytest.mark.anyio

# Holds a connection for a moment; it can be recognised afterwards.
NAP = "SELECT set_config('application_name', 'nap', false), pg_sleep(0.1)"


async def test_a_database_that_is_away_is_said_to_be() -> None:
    """A refused connection is the protocol's refusal, with a time to come back."""
    async with open_database(parse_url("postgresql://127.0.0.1:1/calls")) as database:
        with pytest.raises(DatabaseUnavailable) as refused:
            await database.fetch(text("SELECT 1"))

    assert refused.value.retry_after


async def test_why_a_database_is_away_is_logged_but_not_for_every_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An operator reads it once in five seconds, without the password."""
    now = [0]
    async with open_database(parse_url("postgresql://me:hunter2@127.0.0.1:1/calls"), lambda: now[0]) as away:
        for now[0] in (0, LOG_EVERY_MS - 1, LOG_EVERY_MS):
            with pytest.raises(DatabaseUnavailable):
                await away.fetch(text("SELECT 1"))

    first, second = [record for record in caplog.records if record.name == "app.store.database"]
    assert "Connect call failed" in first.getMessage() == second.getMessage()
    assert "hunter2" not in caplog.text


async def test_nobody_waits_long_for_a_connection(migrated: URL) -> None:
    """When all of the pool are in use, the next statement is refused after a second."""
    async with open_database(migrated) as database, asyncio.TaskGroup() as busy:
        for _ in range(POOL_SIZE + POOL_OVERFLOW):
            busy.create_task(database.fetch(text("SELECT pg_sleep(1.3)")))
        await asyncio.sleep(0.1)

        with pytest.raises(DatabaseUnavailable):
            await database.fetch(text("SELECT 1"))


async def test_a_statement_does_not_wait_forever(database: Database) -> None:
    """A statement that hangs ends as an unavailable database."""
    with pytest.raises(DatabaseUnavailable):
        async with asyncio.timeout(5):
            await database.fetch(text("SELECT pg_sleep(30)"))


async def test_a_database_that_hangs_holds_up_nobody_for_long() -> None:
    """Neither who asks, nor the server when it stops."""
    hung: list[asyncio.StreamWriter] = []

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hung.append(writer)
        await asyncio.sleep(20)

    listening = await asyncio.start_server(hang, "127.0.0.1")
    port = listening.sockets[0].getsockname()[1]
    began = time.monotonic()
    async with open_database(parse_url(f"postgresql://127.0.0.1:{port}/calls")) as database:
        with pytest.raises(DatabaseUnavailable):
            await database.fetch(text("SELECT 1"))

    assert time.monotonic() - began < TOTAL_S + CLOSE_S
    listening.close()
    for writer in hung:
        writer.close()


async def test_a_look_up_survives_the_loss_of_every_connection(migrated: URL, database: Database) -> None:
    """One that was lost says that the others of the pool were, too: the second try is over a new one."""
    async with open_database(migrated) as victim:
        await asyncio.gather(*(victim.execute(NAP, name="nap") for _ in range(4)))
        ended = await database.fetch(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nap'")
        )

        rows = await victim.execute("SELECT $1::int + 1", 41, name="sum")

    assert (len(ended), rows[0][0]) == (4, 42)


async def test_a_look_up_that_hangs_keeps_its_connection_to_itself(migrated: URL) -> None:
    """Who comes next is given another."""
    async with open_database(migrated) as database:
        backend = (await database.execute("SELECT pg_backend_pid()", name="pid"))[0][0]
        os.kill(backend, signal.SIGSTOP)
        try:
            with pytest.raises(DatabaseUnavailable):
                await database.execute("SELECT 1", name="one")

            rows = await database.execute("SELECT 2", name="two")
        finally:
            os.kill(backend, signal.SIGCONT)

    assert rows[0][0] == 2


async def test_connections_that_end_badly_are_let_go_without_a_word(
    migrated: URL, caplog: pytest.LogCaptureFixture
) -> None:
    """The pool would log a traceback for each, in an outage; other pools of the process still may."""
    async with open_database(migrated):
        ours = logging.getLogger(POOL_LOG)
        ours.error("Exception terminating connection")
        logging.getLogger(POOL_LOG.removesuffix(f".{POOL_NAME}")).error("of another pool")

    assert [record.getMessage() for record in caplog.records] == ["of another pool"]


async def test_a_lost_connection_is_replaced(migrated: URL, database: Database) -> None:
    """When Postgres ends a connection, the next statement is none the wiser."""
    async with open_database(migrated) as victim:
        await victim.fetch(text("SET application_name = 'victim'"))
        await database.fetch(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'")
        )

        assert [row[0] for row in await victim.fetch(text("SELECT 1"))] == [1]


_PID = "SELECT pg_backend_pid() AS pid"


async def _pid(database: Database, query: str = _PID) -> int:
    (row,) = await database.execute(query, name="pid")
    return int(row["pid"])


async def test_look_ups_keep_a_connection(database: Database) -> None:
    """One after the other goes over the same; two at once over two."""
    kept = await _pid(database)

    assert await _pid(database) == kept
    first, second = await asyncio.gather(
        _pid(database, f"{_PID}, pg_sleep(0.05)"), _pid(database, f"{_PID}, pg_sleep(0.05)")
    )
    assert first != second


async def test_a_kept_connection_that_died_is_replaced(database: Database) -> None:
    """The next look-up does not notice, and keeps the new one."""
    kept = await _pid(database)
    await database.fetch(text(f"SELECT pg_terminate_backend({kept}, 1000)"))

    new = await _pid(database)
    assert new != kept
    assert await _pid(database) == new


async def test_a_look_up_that_is_given_up_keeps_nothing(database: Database) -> None:
    """A statement may still be on its connection."""
    kept = await _pid(database)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await _pid(database, f"{_PID}, pg_sleep(1)")

    assert await _pid(database) != kept


async def test_a_kept_connection_ends_with_the_pool(migrated: URL, database: Database) -> None:
    """Nothing of it stays at the database."""
    async with open_database(migrated) as closed:
        pid = await _pid(closed)

    async with asyncio.timeout(5):
        while await database.execute("SELECT 1 FROM pg_stat_activity WHERE pid = $1", pid, name="alive"):
            await asyncio.sleep(0.01)
