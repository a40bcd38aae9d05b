"""Replay protection: a bounded memory of the calls relayed within the clock window."""

from functools import lru_cache
from hashlib import blake2b
from typing import Generic, TypeVar

from app.limits.bounded_map import BoundedMap
from app.protocol.errors import Replayed

# A memory of one clock window at several thousand calls a second. Beyond it the oldest is forgotten: the
# recipient drops duplicates too.
MAX_REMEMBERED = 50_000

SWEEP_MS = 1000  # what is stale is forgotten so often

LATELY = 64  # calls whose hash is not computed again

T = TypeVar("T")


class ReplayMemory(Generic[T]):
    """A value for each signed text, kept by its hash with its method until its timestamp is stale."""

    def __init__(self, size: int = MAX_REMEMBERED) -> None:
        # By hash: method, last valid ms, value. The garbage collector need not look into such tuples again.
        self._entries: BoundedMap[bytes, tuple[str, int, T]] = BoundedMap(size)
        self._sweep_at = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, text: str, method: str, now: int) -> T | None:
        """Return the value of *text*, `None` if it is new. Raise `Replayed` if it was another method."""
        entry = self._entries.get(_digest(text))
        if entry is None:
            return None
        relayed_as, stale_at, value = entry
        if stale_at < now:
            return None
        if relayed_as != method:
            raise Replayed
        return value

    def add(self, text: str, method: str, value: T, *, stale_at: int, now: int) -> None:
        """Remember *text* until *stale_at*, the last ms at which its timestamp is valid."""
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_MS
            self._entries.evict_while(lambda entry: entry[1] < now)
        self._entries.put(_digest(text), (method, stale_at, value))

    def remove(self, text: str) -> None:
        """Forget *text*: it was not relayed after all."""
        self._entries.pop(_digest(text), None)


@lru_cache(LATELY)  # it is asked for, and then remembered
def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()
