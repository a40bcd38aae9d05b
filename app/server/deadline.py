"""Deadlines of a connection: timers of the event loop, and the kernel's for what is sent and unread."""

import socket
from asyncio import AbstractEventLoop, BaseTransport, TimerHandle
from collections.abc import Callable


class Deadline:
    """Calls *expire* after so many seconds, unless it is cancelled before."""

    __slots__ = ("_expire", "_loop", "_seconds", "_timer")

    def __init__(self, loop: AbstractEventLoop, seconds: float, expire: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._expire = expire
        self._timer: TimerHandle | None = None

    def start(self) -> None:
        """Begin, unless it runs already."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._expire)

    def cancel(self) -> None:
        """End without a call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bound_unread(transport: BaseTransport, seconds: float) -> None:
    """Let the kernel end a connection whose client has read nothing of what was sent for so many *seconds*.

    It alone knows of what is sent and unread: megabytes, before anything is unsent here (RFC 5482).
    """
    opened = transport.get_extra_info("socket")
    if opened.family == socket.AF_UNIX:  # a program of this machine, at the metrics
        return
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * seconds))
