"""Background task that purges expired rows."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from app.store.errors import DatabaseUnavailable
from app.store.subscriptions import Subscriptions

log = logging.getLogger(__name__)

# Expired rows are not found anyway; purging only frees their space.
PURGE_EVERY_S = 60 * 60


@asynccontextmanager
async def run_purger(
    subscriptions: Subscriptions,
    clock: Callable[[], int],
    observe: Callable[[int], None],
    every: float = PURGE_EVERY_S,
) -> AsyncIterator[None]:
    """Purge at once and *every* so many seconds, until the block ends; *observe* is told how many rows."""
    task = asyncio.create_task(_purge_forever(subscriptions, clock, observe, every))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _purge_forever(
    subscriptions: Subscriptions, clock: Callable[[], int], observe: Callable[[int], None], every: float
) -> None:
    while True:
        try:
            purged = await subscriptions.purge(clock())
        except DatabaseUnavailable:
            log.warning("the database is unavailable; expired subscriptions stay for now")
        else:
            if purged is None:
                log.info("another instance purges expired subscriptions just now")
            else:
                log.info("purged %d expired subscriptions", purged)
                observe(purged)
        await asyncio.sleep(every)
