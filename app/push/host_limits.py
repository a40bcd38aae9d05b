"""What a stranger's host gets: little, and nothing while it fails, so that the server is no cannon."""

from collections import OrderedDict
from dataclasses import dataclass

from app.limits.token_bucket import Rate, TokenBuckets

# A self-hosted push service for one household needs a few messages a call.
RATE = Rate(10, 10)
MAX_HOSTS = 10_000  # remembered; beyond them the one used least recently is forgotten

FAILURES = 5  # in a row, after which a host is left alone
REST_S = 60


@dataclass(slots=True)
class _Record:
    failures: int = 0
    rests_until: int = 0


class HostLimits:
    """A budget and a circuit breaker for each host. Times in ms."""

    def __init__(self, rate: Rate = RATE, size: int = MAX_HOSTS) -> None:
        self._buckets = TokenBuckets(rate, size)
        self._size = size
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def wait(self, host: str, now: int) -> int:
        """Take from the budget of *host*; return 0, or the seconds until it may be sent to again."""
        record = self._records.get(host)
        if record and record.rests_until > now:
            return -((now - record.rests_until) // 1000)
        return self._buckets.take(host.encode(), now)

    def note(self, host: str, now: int, *, failed: bool) -> None:
        """Remember how sending to *host* ended."""
        if not failed:
            self._records.pop(host, None)
            return
        record = self._records.setdefault(host, _Record())
        self._records.move_to_end(host)
        record.failures += 1
        if record.failures >= FAILURES:
            record.rests_until = now + 1000 * REST_S
        if len(self._records) > self._size:
            self._records.popitem(last=False)
