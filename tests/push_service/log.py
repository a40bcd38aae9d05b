"""Log of received pushes: each POST, its answer, and the acknowledgement of the receiver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

# Entries; older ones are forgotten. 10 000 full messages are about 50 MB.
MAX_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class Received:
    """One POST to an endpoint.

    *status* is None until it is answered; *ack* until the receiver acknowledges it (100: decrypted and
    delivered, 101: could not decrypt, 102: not delivered); *at* is in milliseconds since the Unix epoch.
    """

    token: str
    headers: Mapping[str, str]
    body: bytes
    at: int
    version: str
    status: int | None = None
    ack: int | None = None

    def as_json(self) -> dict[str, object]:
        """Show the entry as `GET /log` does."""
        return {
            "token": self.token,
            "status": self.status,
            "headers": dict(self.headers),
            "bytes": len(self.body),
            "at": self.at,
            "ack": self.ack,
        }


class Log:
    """Log of requests, oldest first, at most `MAX_ENTRIES`."""

    def __init__(self) -> None:
        self.entries: list[Received] = []

    def add(self, entry: Received) -> None:
        """Record a POST that has arrived."""
        self.entries.append(entry)
        del self.entries[:-MAX_ENTRIES]

    def answered(self, version: str, status: int | None) -> None:
        """Record the status of the answer."""
        self._amend(version, lambda entry: replace(entry, status=status))

    def acknowledged(self, version: str, code: int) -> None:
        """Record what the receiver said of the message."""
        self._amend(version, lambda entry: replace(entry, ack=code))

    def _amend(self, version: str, change: Callable[[Received], Received]) -> None:
        """Replace an entry, if it is still there; it is most often a recent one."""
        for index in reversed(range(len(self.entries))):
            if self.entries[index].version == version:
                self.entries[index] = change(self.entries[index])
                return
