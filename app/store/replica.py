"""Read replica of the database, behind a circuit breaker."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from asyncpg import Record
from sqlalchemy.engine import URL

from app.limits.circuit_breaker import CircuitBreaker
from app.store.database import Database, Observe, open_database
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable

log = logging.getLogger(__name__)

ANSWER_S = 0.3  # for a look-up; the database itself is asked after that, and a call has 3 s for both
PAUSE_MS = 2000  # after a failure: a replica that hangs costs one call in so long its 300 ms


class Replica:
    """Look-ups that may be out of date; the database itself can be asked after any of them."""

    def __init__(self, database: Database, monotonic_ms: Callable[[], int]) -> None:
        self._database = database
        self._monotonic_ms = monotonic_ms
        self._breaker = CircuitBreaker(PAUSE_MS)

    async def look_up(self, query: str, *values: object, name: str) -> Sequence[Record]:
        """Return the rows of *query*, none when the replica does not answer in time."""
        if self._breaker.remaining_ms(self._monotonic_ms()):
            return ()
        try:
            async with asyncio.timeout(ANSWER_S):
                rows = await self._database.execute(query, *values, name=name)
        except (DatabaseUnavailable, DatabaseMisconfigured, TimeoutError) as error:
            if self._breaker.fail(self._monotonic_ms()):
                why, pause = type(error).__name__, PAUSE_MS // 1000
                log.warning(
                    "the replica does not serve (%s): the database is asked instead for %d s", why, pause
                )
            return ()
        self._breaker.succeed()
        return rows


@asynccontextmanager
async def open_replica(
    url: URL | None, observe: Observe, monotonic_ms: Callable[[], int]
) -> AsyncIterator[Replica | None]:
    """Open the pool of the replica at *url*, if there is one, and close it."""
    if url is None:
        yield None
        return
    async with open_database(url, observe, monotonic_ms) as database:
        yield Replica(database, monotonic_ms)
