"""The replay memory: what was relayed lately, so that it is not relayed twice, nor as something else."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Generic, TypeVar

from app.protocol.errors import Replayed

# A memory of one clock window at several thousand calls a second. Beyond it the oldest is forgotten: the
# recipient drops duplicates too.
MAX_REMEMBERED = 50_000

LATELY = 64  # calls whose hash is not computed again

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    method: str
    stale_at: int
    note: T


class ReplayMemory(Generic[T]):
    """Remembers the hash of each signed text, with its method and a note, until its timestamp is stale."""

    def __init__(self, size: int = MAX_REMEMBERED) -> None:
        self._size = size
        self._entries: OrderedDict[bytes, _Entry[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, text: str, method: str, now: int) -> T | None:
        """Return the note on *text*, `None` if it is new. Raise `Replayed` if it was another method."""
        entry = self._entries.get(_digest(text))
        if entry is None or entry.stale_at < now:
            return None
        if entry.method != method:
            raise Replayed
        return entry.note

    def add(self, text: str, method: str, note: T, *, stale_at: int, now: int) -> None:
        """Remember *text* until *stale_at*, the last ms at which its timestamp is valid."""
        while self._entries and (
            len(self._entries) >= self._size or next(iter(self._entries.values())).stale_at < now
        ):
            self._entries.popitem(last=False)
        digest = _digest(text)
        self._entries[digest] = _Entry(method, stale_at, note)
        self._entries.move_to_end(digest)

    def remove(self, text: str) -> None:
        """Forget *text*: it was not relayed after all."""
        self._entries.pop(_digest(text), None)


@lru_cache(LATELY)  # it is asked for, and then remembered
def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()
