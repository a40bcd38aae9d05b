"""Queue of a connection's requests (HTTP pipelining), served in their order by one task."""

from asyncio import Future, Task, current_task, get_running_loop, sleep
from collections.abc import Callable
from typing import cast

from starlette.types import ASGIApp

from app.server.http_exchange import HttpExchange


class RequestQueue:
    """Requests that *app* serves, one after the other; *served* is called after each.

    The task is among the *unfinished* while it serves one: the server waits for these when it stops.
    """

    def __init__(self, app: ASGIApp, unfinished: set[Task[None]], served: Callable[[], None]) -> None:
        self._app = app
        self._unfinished = unfinished
        self._on_served = served
        self._waiting: list[HttpExchange] = []  # few, and mostly none
        self._current: HttpExchange | None = None
        self._task: Task[None] | None = None
        self._idle: Future[None] | None = None  # while the task has nothing to serve
        self._is_closed = False

    @property
    def unanswered(self) -> HttpExchange | None:
        """The first request whose response is not complete."""
        if self._current is not None and not self._current.response_complete:
            return self._current
        return self._waiting[0] if self._waiting else None

    @property
    def is_empty(self) -> bool:
        """Tell whether no request is served, or waits."""
        return self._current is None

    @property
    def has_waiting(self) -> bool:
        """Tell whether requests wait for the one that is served."""
        return bool(self._waiting)

    def put(self, request: HttpExchange) -> None:
        """Serve *request*, after those before it."""
        if self._current is not None:
            self._waiting.append(request)
            return
        self._current = request
        if self._task is None:
            self._task = get_running_loop().create_task(self._serve())
        else:
            self._wake()

    def withdraw(self, request: HttpExchange) -> None:
        """Take back *request*, which still waits."""
        self._waiting.remove(request)

    def end_after_latest(self) -> None:
        """Let the connection be closed after the latest request."""
        latest = self._waiting[-1] if self._waiting else self._current
        if latest is not None:
            latest.keep_alive = False

    def close(self) -> None:
        """Serve no other request."""
        self._is_closed = True
        self._waiting.clear()
        if self._task is None:
            del self._on_served  # its connection knows this queue
        self._wake()

    def disconnect(self) -> None:
        """Let the application know that nothing it sends arrives any more."""
        if self._current is not None:
            self._current.disconnect()

    async def _serve(self) -> None:
        task = cast("Task[None]", current_task())
        try:
            while not self._is_closed:
                if self._current is None:
                    self._idle = get_running_loop().create_future()
                    await self._idle
                    continue
                self._unfinished.add(task)
                await self._current.run(self._app)
                self._unfinished.discard(task)
                self._current = self._waiting.pop(0) if self._waiting else None
                self._on_served()
                if self._current is not None:
                    await sleep(0)  # a client that sends many at once is not served before all others
        finally:
            self._unfinished.discard(task)
            self._current = None
            del self._on_served  # as above

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
