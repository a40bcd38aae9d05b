"""Deadlines of a connection: timers of the event loop, and the kernel's for what is sent and unread."""

import socket
from asyncio import AbstractEventLoop, TimerHandle, WriteTransport
from collections.abc import Callable

# Written and not sent, in the process and again in the kernel, before no more is written for a connection.
MAX_UNSENT_BYTES = 16_384


class Deadline:
    """Calls *expire* after so many seconds, unless it is cancelled before.

    A timer that was begun is left to run out: when it does, it waits for the rest. A connection cancels and
    starts its deadlines with each request, and the loop's timers cost more than all of that.
    """

    __slots__ = ("_due", "_expire", "_loop", "_seconds", "_timer")

    def __init__(self, loop: AbstractEventLoop, seconds: float, expire: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._expire = expire
        self._due: float | None = None  # by the loop's clock
        self._timer: TimerHandle | None = None

    def start(self) -> None:
        """Begin, unless it runs already."""
        if self._due is None:
            self._due = self._loop.time() + self._seconds
            if self._timer is None:
                self._timer = self._loop.call_later(self._seconds, self._wake)

    def cancel(self) -> None:
        """End without a call."""
        self._due = None

    def close(self) -> None:
        """Cancel it for good, and forget *expire*.

        A connection and its deadlines know each other: only the garbage collector would free them, and it
        stops the process for longer than a call takes.
        """
        self._due = None
        self._expire = _ignore
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._timer = None
        if self._due is None:
            return
        rest = self._due - self._loop.time()
        if rest > 0:  # it was cancelled and started again since
            self._timer = self._loop.call_later(rest, self._wake)
        else:
            self._due = None
            self._expire()


def _ignore() -> None:
    """Do nothing: the deadline is closed."""


def bound_unread(transport: WriteTransport, seconds: float) -> None:
    """Bound what the process and the kernel keep for a client that does not read, and for how long.

    The kernel alone knows of what is sent and unread, and ends the connection when nothing of it is read for
    so many *seconds* (RFC 5482). It would take megabytes more before anything is unsent here, and a hundred
    requests would be answered that nobody reads. A client that reads is sent as much at once as before.
    """
    transport.set_write_buffer_limits(MAX_UNSENT_BYTES)
    opened = transport.get_extra_info("socket")
    if opened.family == socket.AF_UNIX:  # a program of this machine, at the metrics
        return
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * seconds))
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)
