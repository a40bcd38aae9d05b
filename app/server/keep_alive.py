"""Keep-alive: how long a connection may idle, and how soon its latest answer has to be read."""

from asyncio import AbstractEventLoop
from collections.abc import Callable

from app.limits.deadline import Deadline
from app.server.connection_context import Timeouts
from app.server.response_writer import ResponseWriter


class KeepAlive(Deadline):
    """Deadline of an idle connection; *give_up* ends one whose client does not read its answer."""

    __slots__ = ("_give_up", "_idle_s", "_is_read", "_writer")

    def __init__(
        self, loop: AbstractEventLoop, timeouts: Timeouts, writer: ResponseWriter, give_up: Callable[[], None]
    ) -> None:
        # One after the other: the latest answer is to be read in time, too.
        read_s = min(timeouts.send_s, timeouts.keep_alive_s)
        super().__init__(loop, read_s, self._end)
        self._writer = writer
        self._give_up = give_up
        self._idle_s = timeouts.keep_alive_s - read_s
        self._is_read = False

    def cancel(self) -> None:
        """Idle no more."""
        self._due = None
        self._is_read = False

    def close(self) -> None:
        """Cancel it for good, and forget *give_up*: its connection knows this."""
        super().close()
        del self._give_up

    def _end(self) -> None:
        if self._is_read:
            self._writer.close()
        elif self._writer.has_unsent():
            self._give_up()
        else:
            self._is_read = True
            self.start_at(self._loop.time() + self._idle_s)
