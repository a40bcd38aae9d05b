"""Connections of a pool that are lost while they are made."""

from typing import Any

import pytest
from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import create_async_engine

from app.store.connections import Connections, Session, SessionLost

pytestmark = pytest.mark.anyio


async def ask(session: Session) -> int:
    """Return a number by way of the database."""
    number: int = await session.driver.fetchval("SELECT 1")
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
        with pytest.raises(SessionLost):
            await use(connections, ask)
        is_lost = False
        assert await use(connections, ask) == 1
    finally:
        await connections.close()
        await engine.dispose()
