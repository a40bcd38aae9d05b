"""Connections of a pool while they are made: what they say, and that they may be lost."""

import asyncio
import itertools
from typing import Any

import pytest
from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import create_async_engine

from app.store.connections import ConnectionLost, Connections, PooledConnection
from app.store.database import log_statement, open_database
from app.store.errors import DatabaseUnavailable
from app.store.url import parse_url

pytestmark = pytest.mark.anyio


async def ask(pooled: PooledConnection) -> int:
    """Return a number by way of the database."""
    number: int = await pooled.driver.fetchval("SELECT 1")
    return number


@pytest.mark.parametrize("use", [Connections.use, Connections.use_kept])
async def test_a_connection_that_is_lost_as_it_is_made_is_a_loss(migrated: URL, use: Any) -> None:  # noqa: ANN401
    """And no fault of ours: the driver finds it closed, and has no SQLSTATE for that."""
    engine = create_async_engine(migrated)
    is_lost = True

    def lose(connection: Any, _: object) -> None:  # noqa: ANN401 - SQLAlchemy's, around the driver's
        if is_lost:
            connection.driver_connection.terminate()

    event.listen(engine.sync_engine, "connect", lose, insert=True)
    connections = Connections(engine)
    try:
        with pytest.raises(ConnectionLost):
            await use(connections, ask)
        is_lost = False
        assert await use(connections, ask) == 1
    finally:
        await connections.close()
        await engine.dispose()


async def test_the_encoding_is_named_as_postgres_spells_it() -> None:
    """PgBouncer compares the names, and sets a differing one in a transaction before each statement."""
    said: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    url = parse_url(f"postgresql://whisper@{host}:{port}/whisper?sslmode=disable&application_name=x")
    async with server, open_database(url, log_statement, lambda: 0) as database:
        with pytest.raises(DatabaseUnavailable):
            await database.execute("SELECT 1", name="test")

    words = said[0].split(b"\0")
    assert [value for name, value in itertools.pairwise(words) if name == b"client_encoding"][-1] == b"UTF8"
    assert b"x" in words
