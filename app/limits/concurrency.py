"""Limit on the calls in flight: in all, and for one client, sender or recipient."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from app.limits.errors import Overloaded, TooManyCalls

RETRY_AFTER_S = 1

# The part of all places that one key may hold. An office behind one address makes many calls at once, a
# person a few; nobody is called by 64 people at once.
SHARES = {"client": 1 / 2, "sender": 1 / 16, "recipient": 1 / 8}

MIN_PART = 8  # however few places there are: a person's own few calls at once

# The names under which hits are counted.
IN_FLIGHT = "in_flight"
LIMITS = (IN_FLIGHT, *(f"{IN_FLIGHT}_{name}" for name in SHARES))

# What is limited, and its key: ("sender", address).
Holder = tuple[str, bytes]


class ConcurrencyLimit:
    """Limit on the calls in flight; a call that is still being received takes no place.

    *shares* is the part of the *size* that one holder of each kind may have. *hit* is told which limit was
    reached, *moved* of each place that is taken or left.
    """

    def __init__(
        self,
        size: int,
        hit: Callable[[str], None],
        moved: Callable[[int], None],
        shares: Mapping[str, float],
    ) -> None:
        self._size = size
        self._hit = hit
        self._moved = moved
        self._parts = {name: max(MIN_PART, int(size * share)) for name, share in shares.items()}
        self._taken = 0
        self._held: dict[Holder, int] = {}

    def raise_if_full(self) -> None:
        """Raise `Overloaded` when no place is left: before anything is done for the call."""
        if self._taken >= self._size:
            self._hit(IN_FLIGHT)
            raise Overloaded(retry_after=RETRY_AFTER_S)

    def permit(self, holders: Sequence[Holder]) -> "Permit":
        """Return a permit for a call, to be entered; it counts for all of its *holders*."""
        return Permit(self, [each for each in holders if each[0] in self._parts])

    def acquire(self, holders: Sequence[Holder]) -> None:
        """Take a place. Raise `Overloaded` without one, `TooManyCalls` if a holder has its part already."""
        self.raise_if_full()
        for holder in holders:
            if self._held.get(holder, 0) >= self._parts[holder[0]]:
                self._hit(f"{IN_FLIGHT}_{holder[0]}")
                raise TooManyCalls(retry_after=RETRY_AFTER_S)
        self._taken += 1
        for holder in holders:
            self._held[holder] = self._held.get(holder, 0) + 1
        self._moved(1)

    def release(self, holders: Sequence[Holder]) -> None:
        """Leave a place to the next call."""
        self._taken -= 1
        for holder in holders:
            left = self._held.pop(holder) - 1
            if left:
                self._held[holder] = left
        self._moved(-1)


class Permit:
    """Permit of one call in flight, for as long as it is entered."""

    __slots__ = ("_holders", "_limit")

    def __init__(self, limit: ConcurrencyLimit, holders: Sequence[Holder]) -> None:
        self._limit = limit
        self._holders = holders

    def __enter__(self) -> None:
        self._limit.acquire(self._holders)

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._limit.release(self._holders)
