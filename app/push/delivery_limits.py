"""Per-host rate limit and circuit breaker for untrusted push endpoints; Retry-After; messages in flight."""

from collections.abc import Iterable, Mapping

from app.limits.bounded_map import BoundedMap
from app.limits.circuit_breaker import CircuitBreaker
from app.limits.token_bucket import Rate, TokenBuckets

# A self-hosted push service for one household needs a few messages a call.
RATE = Rate(10, 10)
MAX_HOSTS = 10_000  # remembered; beyond them the one that was used or failed longest ago is forgotten

FAILURES = 5  # in a row, after which a host is left alone
PAUSE_S = 60

MAX_WAITING = 10_000  # endpoints; beyond them the one that asked to wait first is forgotten


class HostLimits:
    """Rate limit and circuit breaker of each host: nobody can flood one through the server. Times in ms."""

    def __init__(self, rate: Rate = RATE, size: int = MAX_HOSTS) -> None:
        self._buckets = TokenBuckets(rate, size)
        self._breakers: BoundedMap[str, CircuitBreaker] = BoundedMap(size)

    def retry_after(self, host: str, now: int) -> int:
        """Return the seconds until *host* may be sent to again, 0 for now; consumes nothing."""
        breaker = self._breakers.get(host)
        paused = _whole_seconds(breaker.remaining_ms(now)) if breaker else 0
        return paused or self._buckets.retry_after(host.encode(), now)

    def consume(self, host: str, now: int) -> int:
        """Count a message to *host* unless it must wait; return what `retry_after` would have said before."""
        wait = self.retry_after(host, now)
        if not wait:
            self._buckets.consume(host.encode(), now)
        return wait

    def record(self, host: str, now: int, *, failed: bool) -> None:
        """Record how a message to *host* ended."""
        if not failed:
            self._breakers.pop(host, None)
            return
        breaker = self._breakers.get(host) or CircuitBreaker(1000 * PAUSE_S, FAILURES)
        breaker.fail(now)
        self._breakers.put(host, breaker)


class RetryAfterTracker:
    """Retry-After of each endpoint: asking again sooner only makes it longer. Times in ms."""

    def __init__(self, size: int = MAX_WAITING) -> None:
        self._until: BoundedMap[str, int] = BoundedMap(size)

    def __len__(self) -> int:
        return len(self._until)

    def retry_after(self, url: str, now: int) -> int:
        """Return the seconds for which *url* is still to be left alone, 0 for none."""
        until = self._until.get(url)
        if until is None:
            return 0
        if until <= now:
            self._until.pop(url)
            return 0
        return _whole_seconds(until - now)

    def record(self, url: str, seconds: int, now: int) -> None:
        """Record that *url* asked to be left alone for so many *seconds*."""
        self._until.put(url, now + 1000 * seconds)


class InFlightLimits:
    """Concurrency limits on messages in flight, by key. A place is a key and the most that may hold it."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def is_full(self, places: Mapping[str, int]) -> bool:
        """Tell whether one of *places* is taken as often as it may be."""
        full = False
        for key, most in places.items():  # `any` would make a generator, for each message
            full = full or self._counts.get(key, 0) >= most
        return full

    def take(self, places: Iterable[str]) -> None:
        """Take all of *places*, to be left again."""
        for key in places:
            self._counts[key] = self._counts.get(key, 0) + 1

    def leave(self, places: Iterable[str]) -> None:
        """Leave all of *places* to the next message."""
        for key in places:
            left = self._counts.pop(key) - 1
            if left:
                self._counts[key] = left


def _whole_seconds(ms: int) -> int:
    """Round up: a wait that is told is never too short."""
    return -(-ms // 1000)
