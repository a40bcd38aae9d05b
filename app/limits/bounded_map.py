"""Map of bounded size that evicts the entry written longest ago."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedMap(Generic[K, V]):
    """Map of at most *size* entries: a flood of keys makes it forget the oldest, never grow or fail."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __setitem__(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def get(self, key: K) -> V | None:
        """Return the value of *key*, `None` if there is none. Reading does not make an entry newer."""
        return self._entries.get(key)

    def pop(self, key: K) -> None:
        """Remove *key* if it is there."""
        self._entries.pop(key, None)

    def evict_while(self, is_expired: Callable[[V], bool]) -> None:
        """Remove the oldest entries for as long as they have expired."""
        while self._entries and is_expired(next(iter(self._entries.values()))):
            self._entries.popitem(last=False)
