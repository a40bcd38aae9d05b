"""Database connections: a few kept for plain asyncpg statements; one that is lost ends all older ones."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from app.store.error_classification import first_line, is_driver_failure, is_lost, is_outage

KEPT = 3  # look-ups for calls, those for updates, and writes are each one statement at a time, as a rule

R = TypeVar("R")


class PooledConnection(NamedTuple):
    """Connection of the pool, with asyncpg's own in it and the generation that it belongs to."""

    connection: AsyncConnection
    driver: Any  # asyncpg has no types
    generation: int


Execute = Callable[[PooledConnection], Awaitable[R]]


class ConnectionLost(ConnectionError):
    """The connection ended while a statement was on it."""


class Connections:
    """Connections of an engine's pool; a statement on one that is lost raises `ConnectionLost`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._generation = 0  # of the pool's connections: when one is lost, all older ones are let go
        self._kept: list[PooledConnection] = []  # of the latest statements of the driver's own, for the next
        self._closed = False
        event.listen(engine.sync_engine, "connect", self._mark_connection)
        event.listen(engine.sync_engine, "checkout", self._refuse_older)

    async def use(self, execute: Execute[R]) -> R:
        """Execute over a connection of the pool, and give it back."""
        pooled = await self._open()
        async with AsyncExitStack() as stack:
            stack.push_async_exit(pooled.connection)
            return await self._use(pooled, execute)

    async def use_kept(self, execute: Execute[R]) -> R:
        """Execute over a kept connection, which is another's meanwhile, and keep the one that was used."""
        pooled = await self._take_kept() or await self._open()
        async with AsyncExitStack() as stack:
            stack.push_async_exit(pooled.connection)
            result = await self._use(pooled, execute)
            if len(self._kept) < KEPT and not self._closed:
                self._kept.append(pooled)
                stack.pop_all()
        return result

    async def close(self) -> None:
        """Give the kept ones back to the pool."""
        self._closed = True
        while self._kept:
            await self._kept.pop().connection.close()

    async def _take_kept(self) -> PooledConnection | None:
        while self._kept:
            pooled = self._kept.pop()
            if pooled.generation == self._generation:
                return pooled
            await pooled.connection.close()  # the pool lets it go
        return None

    async def _open(self) -> PooledConnection:
        try:
            connection = await self._engine.connect()
        except Exception as error:
            # Lost as soon as it was made: then the driver finds that itself, and tells no SQLSTATE.
            if is_driver_failure(error):
                raise ConnectionLost(first_line(error)) from error
            raise
        driver = (await connection.get_raw_connection()).driver_connection
        return PooledConnection(connection, driver, connection.info["generation"])

    async def _use(self, pooled: PooledConnection, execute: Execute[R]) -> R:
        connection, driver, generation = pooled
        try:
            return await execute(pooled)
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
