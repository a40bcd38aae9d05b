"""Read budget: the connections that are parsed in one iteration of the event loop, the others after them.

A loop that finds the requests of a thousand connections ready would begin all of them before it ends any:
each would wait for all others, out of the processor's caches, and hold memory and a place in flight while it
waits for nothing but the CPU.
"""

from asyncio import get_running_loop
from collections import deque
from typing import Protocol

PER_ITERATION = 16  # some 4 ms of calls; a normal load has fewer ready at a time
PATIENCE_S = 1.0  # a call that has waited longer is refused: its client may have given up


class Reader(Protocol):
    """A connection with data that is not parsed yet."""

    def read_on(self, *, late: bool) -> None:
        """Parse it, or refuse a call because it is *late*."""


class ReadBudget:
    """Budget that all connections of an event loop share, in the order of their arrival."""

    def __init__(self, per_iteration: int = PER_ITERATION, patience_s: float = PATIENCE_S) -> None:
        self._loop = get_running_loop()
        self._per_iteration = per_iteration
        self._patience_s = patience_s
        self._left = per_iteration
        self._is_renewed = False  # in the next iteration
        self._deferred: deque[tuple[Reader, float]] = deque()  # with the time since when

    def consume(self, reader: Reader) -> bool:
        """Tell whether *reader* may go on now; otherwise it is told to when it is its turn."""
        if not self._is_renewed:
            self._is_renewed = True
            self._loop.call_soon(self._renew)
        if self._left and not self._deferred:
            self._left -= 1
            return True
        self._deferred.append((reader, self._loop.time()))
        return False

    def _renew(self) -> None:
        self._left = self._per_iteration
        self._is_renewed = bool(self._deferred)
        if not self._deferred:
            return
        self._loop.call_soon(self._renew)
        oldest = self._loop.time() - self._patience_s
        while self._left and self._deferred:
            self._left -= 1
            reader, since = self._deferred.popleft()
            reader.read_on(late=since < oldest)
