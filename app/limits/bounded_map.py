"""Map of bounded size that evicts the entry written longest ago."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedMap(OrderedDict[K, V]):
    """Map of at most *size* entries: a flood of keys makes it forget the oldest, never grow or fail.

    Reading does not make an entry newer.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __setitem__(self, key: K, value: V) -> None:
        if key in self:
            self.move_to_end(key)
        OrderedDict.__setitem__(self, key, value)  # `super()` would cost as much again
        if len(self) > self._size:
            self.popitem(last=False)

    def evict_while(self, is_expired: Callable[[V], bool]) -> None:
        """Remove the oldest entries for as long as they have expired."""
        expired = 0
        for value in self.values():
            if not is_expired(value):
                break
            expired += 1
        for _ in range(expired):
            self.popitem(last=False)
