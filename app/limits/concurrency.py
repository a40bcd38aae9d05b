"""Limit on the calls in flight."""

from collections.abc import Callable

from app.limits.errors import Overloaded

OVERLOADED_RETRY_AFTER_S = 1


class ConcurrencyLimit:
    """Limit on the calls in flight; a call that is still being received takes no place."""

    def __init__(self, size: int, hit: Callable[[str], None], moved: Callable[[int], None]) -> None:
        self._size = size
        self._hit = hit
        self._moved = moved
        self._taken = 0

    def require(self) -> None:
        """Raise `Overloaded` when there is no room: before anything is done for the call."""
        if self._taken >= self._size:
            self._hit("in_flight")
            raise Overloaded(retry_after=OVERLOADED_RETRY_AFTER_S)

    def __enter__(self) -> None:
        """Take the room of one call. Raise `Overloaded` when it has been taken since it was required."""
        self.require()
        self._taken += 1
        self._moved(1)

    def __exit__(self, *_: object) -> None:
        """Leave it to the next."""
        self._taken -= 1
        self._moved(-1)
