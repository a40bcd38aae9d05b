"""Token buckets (generic cell rate algorithm), one for each key, in bounded memory."""

import re
from dataclasses import dataclass
from functools import partial
from operator import ge
from typing import Self

from app.limits.bounded_map import BoundedMap

SWEEP_MS = 1000

_FORM = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,8})s")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *burst* at once, and after that *burst* in every *seconds*, evenly: `5/50s` is one per 10 s."""

    burst: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a text like `5/50s`. Raise `ValueError` for any other."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError("must be a rate like 5/50s: 5 at once, and 5 in every 50 seconds")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.burst}/{self.seconds}s"


class TokenBuckets:
    """Token buckets of *rate*, one for each key (the generic cell rate algorithm, ITU-T I.371).

    Of each key one number is kept: when its bucket will be full again. Full buckets are forgotten once a
    second, and beyond *size* the one that was used least recently is, too: a flood of keys makes a limit
    forget, never fail.
    """

    def __init__(self, rate: Rate, size: int) -> None:
        # Whole numbers only, in the burst's part of a ms: then a token is worth the whole time in ms.
        self._scale = rate.burst
        self._token = 1000 * rate.seconds
        self._slack = self._token * (rate.burst - 1)
        self._full_at: BoundedMap[bytes, int] = BoundedMap(size)
        self._sweep_at = 0

    def __len__(self) -> int:
        return len(self._full_at)

    def retry_after(self, key: bytes, now: int) -> int:
        """Return the seconds until *key* may again, 0 for now; consumes nothing. *now* in ms."""
        full_at = self._full_at.get(key)
        if full_at is None:
            return 0
        early = full_at - self._slack - now * self._scale
        return -(-early // (1000 * self._scale)) if early > 0 else 0

    def consume(self, key: bytes, now: int) -> int:
        """Take a token of *key* unless there is none; return what `retry_after` would have said before."""
        full = now * self._scale
        full_at = self._full_at.get(key, 0)
        if full_at < full:
            full_at = full
        elif full_at - self._slack > full:
            return self.retry_after(key, now)
        self._full_at.put(key, full_at + self._token)
        if now >= self._sweep_at:
            self._sweep(now)
        return 0

    def _sweep(self, now: int) -> None:
        self._sweep_at = now + SWEEP_MS
        self._full_at.evict_while(partial(ge, now * self._scale))  # which are full by now

    def give_back(self, key: bytes) -> None:
        """Undo what `consume` did for *key* just now."""
        self._full_at.put(key, self._full_at.get(key, 0) - self._token)

    def refund(self, key: bytes) -> None:
        """Fill the bucket of *key* again: what was consumed was not used."""
        self._full_at.pop(key, None)
