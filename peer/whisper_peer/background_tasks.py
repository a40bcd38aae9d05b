"""Background tasks: kept until they end, with the exceptions that they raise."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from whisper_peer.errors import PeerError

T = TypeVar("T")

log = logging.getLogger(__name__)


class BackgroundTasks:
    """Set of tasks. An error that a peer must expect is logged; any other exception is kept until the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do *work* in a task."""
        task = asyncio.create_task(work, name=self._name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    async def cancel(self) -> list[Exception]:
        """Cancel all, and return the mistakes that were made."""
        for task in self._tasks:
            task.cancel()
        return await self.finish()

    async def finish(self) -> list[Exception]:
        """Wait for all, and return the mistakes that were made."""
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        return [each for each in outcomes if isinstance(each, Exception) and not isinstance(each, PeerError)]

    def _forget(self, task: asyncio.Task[Any]) -> None:
        trouble = None if task.cancelled() else task.exception()
        if isinstance(trouble, PeerError):
            log.info("%s: %s", self._name, trouble)
        if trouble is None or isinstance(trouble, PeerError):
            self._tasks.discard(task)
