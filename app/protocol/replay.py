"""Replay protection: a bounded memory of the calls relayed within the clock window."""

from hashlib import sha256
from typing import Generic, TypeVar

from app.limits.bounded_map import BoundedMap
from app.protocol.errors import Replayed

# A memory of one clock window at several thousand calls a second. Beyond it the oldest is forgotten: the
# recipient drops duplicates too.
MAX_REMEMBERED = 50_000

DIGEST_BYTES = 16

SWEEP_MS = 1000  # what is stale is forgotten so often

T = TypeVar("T")


class ReplayMemory(Generic[T]):
    """A value for each signed text, kept by its `digest` with its method until its timestamp is stale."""

    def __init__(self, size: int = MAX_REMEMBERED) -> None:
        # By hash: method, last valid ms, value. The garbage collector need not look into such tuples again.
        self._entries: BoundedMap[bytes, tuple[str, int, T]] = BoundedMap(size)
        self._sweep_at = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, digest: bytes, method: str, now: int) -> T | None:
        """Return the value of a text, `None` if it is new. Raise `Replayed` if it was another method."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        relayed_as, stale_at, value = entry
        if stale_at < now:
            return None
        if relayed_as != method:
            raise Replayed
        return value

    def add(self, digest: bytes, method: str, value: T, *, stale_at: int, now: int) -> None:
        """Remember a text until *stale_at*, the last ms at which its timestamp is valid."""
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_MS
            self._entries.evict_while(lambda entry: entry[1] < now)
        self._entries.put(digest, (method, stale_at, value))

    def remove(self, digest: bytes) -> None:
        """Forget a text: it was not relayed after all."""
        self._entries.pop(digest, None)


def digest_of(text: str) -> bytes:
    """Return the hash by which a signed text is remembered: SHA-256, which processors have, cut in half."""
    return sha256(text.encode()).digest()[:DIGEST_BYTES]
