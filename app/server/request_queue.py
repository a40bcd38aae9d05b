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
        self.waiting: list[HttpExchange] = []  # for the one that is served; few, and mostly none
        self.current: HttpExchange | None = None  # that is served
        self.arriving: HttpExchange | None = None  # the latest, since its head is here, until it is whole
        self._task: Task[None] | None = None
        self._idle: Future[None] | None = None  # while the task has nothing to serve
        self._is_closed = False

    @property
    def unanswered(self) -> HttpExchange | None:
        """The first request whose response is not complete."""
        if self.current is not None and not self.current.response_complete:
            return self.current
        return self.waiting[0] if self.waiting else None

    def put(self, request: HttpExchange) -> None:
        """Serve *request*, which may still be arriving, after those before it."""
        self.arriving = request
        if self.current is not None:
            self.waiting.append(request)
            return
        self.current = request
        if self._task is None:
            self._task = get_running_loop().create_task(self._serve())
        else:
            self._wake()

    def feed(self, body: bytes) -> None:
        """Hand a part of the body to the latest request."""
        if self.arriving is not None:
            self.arriving.feed(body)

    def feed_eof(self) -> None:
        """Let the latest request know that it is here as a whole."""
        if self.arriving is not None:
            self.arriving.feed_eof()
            self.arriving = None

    def withdraw_arriving(self) -> None:
        """Take back the latest request if it is here in part only, and waits."""
        if self.arriving is not None:
            self.waiting.remove(self.arriving)
            self.arriving = None

    def end_after_latest(self) -> None:
        """Let the connection be closed after the latest request."""
        latest = self.waiting[-1] if self.waiting else self.current
        if latest is not None:
            latest.keep_alive = False

    def close(self) -> None:
        """Serve no other request."""
        self._is_closed = True
        self.waiting.clear()
        self.arriving = None  # whose connection knows this queue
        if self._task is None:
            del self._on_served  # its connection knows this queue
        self._wake()

    def disconnect(self) -> None:
        """Let the application know that nothing it sends arrives any more."""
        for request in (self.current, self.arriving):
            if request is not None:
                request.disconnect()

    async def _serve(self) -> None:
        task = cast("Task[None]", current_task())
        try:
            while not self._is_closed:
                if self.current is None:
                    self._idle = get_running_loop().create_future()
                    await self._idle
                    continue
                self._unfinished.add(task)
                await self.current.run(self._app)
                self._unfinished.discard(task)
                self.current = self.waiting.pop(0) if self.waiting else None
                self._on_served()
                if self.current is not None:
                    await sleep(0)  # a client that sends many at once is not served before all others
        finally:
            self._unfinished.discard(task)
            self.current = None
            del self._on_served  # as above

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
