"""Keep-alive: how long a connection may idle, and how soon its latest answer has to be read."""

from asyncio import AbstractEventLoop
from collections.abc import Callable

from app.limits.deadline import Deadline
from app.server.connection_context import Timeouts
from app.server.response_writer import ResponseWriter


class KeepAlive:
    """Deadline of an idle connection; *give_up* ends one whose client does not read its answer."""

    __slots__ = ("_give_up", "_idle", "_read", "_writer")

    def __init__(
        self, loop: AbstractEventLoop, timeouts: Timeouts, writer: ResponseWriter, give_up: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._give_up = give_up
        # One after the other: the latest answer is to be read in time, too.
        read_s = min(timeouts.send_s, timeouts.keep_alive_s)
        self._read = Deadline(loop, read_s, self._require_read)
        self._idle = Deadline(loop, timeouts.keep_alive_s - read_s, writer.close)

    def start(self) -> None:
        """Begin to idle."""
        self._read.start()

    def cancel(self) -> None:
        """Idle no more."""
        self._read.cancel()
        self._idle.cancel()

    def close(self) -> None:
        """Cancel it for good, and forget *give_up*: its connection knows this."""
        self._read.close()
        self._idle.close()
        del self._give_up

    def _require_read(self) -> None:
        if self._writer.has_unsent():
            self._give_up()
        else:
            self._idle.start()
