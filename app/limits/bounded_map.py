"""Map of bounded size that evicts the entry written longest ago."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedMap(Generic[K, V]):
    """Map of at most *size* entries: a flood of keys makes it forget the oldest, never grow or fail.

    Reading does not make an entry newer. `get` and `pop` are those of the `OrderedDict` in it: each call
    reads a dozen entries, and a method around them would cost more than they do.
    """

    __slots__ = ("_entries", "_size", "get", "pop")

    def __init__(self, size: int) -> None:
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._size = size
        self.get = self._entries.get
        self.pop = self._entries.pop

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: K, value: V) -> None:
        """Write an entry, which is the newest then; evict the oldest if it is one too many."""
        entries = self._entries
        entries[key] = value
        entries.move_to_end(key)
        if len(entries) > self._size:
            entries.popitem(last=False)

    def evict_while(self, is_expired: Callable[[V], bool]) -> None:
        """Remove the oldest entries for as long as they have expired."""
        expired = 0
        for value in self._entries.values():
            if not is_expired(value):
                break
            expired += 1
        for _ in range(expired):
            self._entries.popitem(last=False)
