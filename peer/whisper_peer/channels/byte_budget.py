"""Byte budget of one connection, over all its channels and queues."""

from whisper_peer.errors import OverLimit

# A value of 16 MiB, another that waits to be read, and room for small ones.
MAX_HELD_BYTES = 36 * 1024 * 1024

# Before the program has taken the connection it may be anybody's: enough for a greeting, not for a flood.
MAX_UNACCEPTED_BYTES = 1024 * 1024

# Every object in a queue costs this much beside its bytes; it bounds the number of small and empty ones.
OBJECT_BYTES = 64


class ByteBudget:
    """Bytes that the other has sent and nobody has read yet."""

    def __init__(self) -> None:
        self._limit = MAX_UNACCEPTED_BYTES
        self.held = 0

    def extend(self) -> None:
        """Allow as much as an accepted connection may hold."""
        self._limit = MAX_HELD_BYTES

    def charge(self, content: bytes) -> None:
        """Count *content* as held. Raise `OverLimit` instead if that would be too much."""
        cost = len(content) + OBJECT_BYTES
        if self.held + cost > self._limit:
            raise OverLimit(f"the other sent more than {self._limit} bytes that nobody has read")
        self.held += cost

    def release(self, content: bytes) -> None:
        """Count *content* as read."""
        self.held -= len(content) + OBJECT_BYTES
