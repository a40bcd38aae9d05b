"""Circuit breaker: a pause after consecutive failures."""


class CircuitBreaker:
    """Circuit breaker that opens for *pause_ms* after *threshold* failures in a row; it is given the time.

    Times in ms, on a clock that never jumps.
    """

    __slots__ = ("_failures", "_open_until", "_pause_ms", "_threshold")

    def __init__(self, pause_ms: int, threshold: int = 1) -> None:
        self._pause_ms = pause_ms
        self._threshold = threshold
        self._failures = 0
        self._open_until = 0

    def remaining_ms(self, now: int) -> int:
        """Return the ms for which it is still open, 0 when it is closed."""
        return max(0, self._open_until - now)

    def fail(self, now: int) -> bool:
        """Count a failure; tell whether this one opened it."""
        self._failures += 1
        if self._failures < self._threshold:
            return False
        was_closed = not self.remaining_ms(now)
        self._open_until = now + self._pause_ms
        return was_closed

    def succeed(self) -> None:
        """Forget the failures so far: only those in a row count."""
        self._failures = 0
        self._open_until = 0
