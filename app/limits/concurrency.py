"""Limit on the calls in flight: in all, and for one client, sender or recipient."""

from collections.abc import Callable, Mapping, Sequence

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

    def check(self, *holders: Holder) -> None:
        """Raise `Overloaded` without a place, `TooManyCalls` if one of *holders* has its part already.

        This is asked before anything is done for a call: to refuse it must cost less than to serve it.
        """
        if self._taken >= self._size:
            self._hit(IN_FLIGHT)
            raise Overloaded(retry_after=RETRY_AFTER_S)
        for holder in holders:
            if self._held.get(holder, 0) >= self._parts.get(holder[0], self._size):
                self._hit(f"{IN_FLIGHT}_{holder[0]}")
                raise TooManyCalls(retry_after=RETRY_AFTER_S)

    def acquire(self, holders: Sequence[Holder]) -> None:
        """Take a place, or refuse as `check` does."""
        self.check(*holders)
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
