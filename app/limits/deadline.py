"""Deadline: a timer of the event loop that is cheap to start and to cancel."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable


class Deadline:
    """Timer that calls *expire* after so many seconds, unless it is cancelled before.

    A timer that was begun is left to run out: when it does, it waits for the rest. A connection cancels and
    starts its deadlines with each request, and the loop's timers cost more than all of that.
    """

    __slots__ = ("_due", "_expire", "_loop", "_seconds", "_timer", "_timer_at")

    def __init__(self, loop: AbstractEventLoop, seconds: float, expire: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._expire: Callable[[], None] | None = expire
        self._due: float | None = None  # by the loop's clock
        self._timer: TimerHandle | None = None
        self._timer_at = 0.0

    def start(self) -> None:
        """Begin, unless it runs already."""
        if self._due is None:
            self.start_at(self._loop.time() + self._seconds)

    def start_at(self, due: float) -> None:
        """Begin anew, to expire at *due*, in the loop's time."""
        self._due = due
        if self._timer is None:
            self._set_timer(due)
        elif due < self._timer_at:
            self._timer.cancel()
            self._set_timer(due)

    def cancel(self) -> None:
        """End without a call."""
        self._due = None

    def close(self) -> None:
        """Cancel it for good, and forget *expire*.

        A connection and its deadlines know each other: only the garbage collector would free them, and it
        stops the process for longer than a call takes.
        """
        self._due = None
        self._expire = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, due: float) -> None:
        self._timer_at = due
        self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._due > self._loop.time():  # it was cancelled and started again since
            self._set_timer(self._due)
        elif self._expire is not None:
            self._due = None
            self._expire()
