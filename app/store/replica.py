"""A read replica: a copy of the database, a little behind it, that answers soon or is left alone."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from asyncpg import Record
from sqlalchemy.engine import URL

from app.store.database import Database, Observe, open_database, unobserved
from app.store.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

ANSWER_S = 0.3  # for a look-up; the database itself is asked after that, and a call has 3 s for both
REST_S = 2  # after a failure: a replica that hangs costs one call in so many seconds its 300 ms


class Replica:
    """Looks up what is probably still so; whoever asks can ask the database itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rests_until = 0.0

    async def look_up(self, query: str, *values: object, name: str) -> Sequence[Record]:
        """Return the rows of *query*, none when the replica does not answer in time."""
        if time.monotonic() < self._rests_until:
            return ()
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._database.look_up(query, *values, name=name)
        except (DatabaseUnavailable, TimeoutError):
            if time.monotonic() >= self._rests_until:
                log.warning("the replica does not serve: the database is asked instead for %d s", REST_S)
            self._rests_until = time.monotonic() + REST_S
            return ()


@asynccontextmanager
async def open_replica(url: URL | None, observe: Observe = unobserved) -> AsyncIterator[Replica | None]:
    """Open the pool of the replica at *url*, if there is one, and close it."""
    if url is None:
        yield None
        return
    async with open_database(url, observe) as database:
        yield Replica(database)
