"""Limit on calls in flight: places in all, and the part that one holder may have."""

from collections import Counter
from contextlib import ExitStack
from inspect import iscoroutinefunction

import pytest

from app.api.call_dispatcher import authenticate
from app.limits.concurrency import MIN_PART, ConcurrencyLimit, Holder
from app.limits.errors import Overloaded, TooManyCalls

SIZE = 160
SHARES = {"client": 1 / 4, "sender": 1 / 16, "recipient": 1 / 8}
PARTS = {"client": 40, "sender": 10, "recipient": 20}


class ObservedLimit(ConcurrencyLimit):
    """Limit that counts its hits and its places."""

    def __init__(self, size: int = SIZE) -> None:
        self.hits: Counter[str] = Counter()
        self.taken = 0
        super().__init__(size, lambda name: self.hits.update([name]), self._move, SHARES)

    def _move(self, by: int) -> None:
        self.taken += by


def acquire(limit: ConcurrencyLimit, entered: ExitStack, *holders: Holder, times: int = 1) -> None:
    """Take places, to be left when the stack ends."""
    for _ in range(times):
        limit.acquire(holders)
        entered.callback(limit.release, holders)


def test_a_call_is_authenticated_without_a_pause() -> None:
    """It has its place already: during a pause others would miss the places of forged calls."""
    assert not iscoroutinefunction(authenticate)


def test_no_more_than_its_size_is_taken() -> None:
    """The next is told that the server is busy."""
    limit = ObservedLimit(2)
    with ExitStack() as entered:
        acquire(limit, entered, times=2)
        with pytest.raises(Overloaded):
            acquire(limit, entered)

    assert (limit.hits, limit.taken) == ({"in_flight": 1}, 0)


@pytest.mark.parametrize("name", SHARES)
def test_a_holder_has_only_its_part(name: str) -> None:
    """The next of that holder is refused; others are not."""
    limit = ObservedLimit()
    with ExitStack() as entered:
        acquire(limit, entered, (name, b"mallory"), times=PARTS[name])
        with pytest.raises(TooManyCalls) as refused:
            acquire(limit, entered, (name, b"mallory"))
        acquire(limit, entered, (name, b"alice"))

        assert limit.taken == PARTS[name] + 1

    assert (refused.value.retry_after, limit.hits) == (1, {f"in_flight_{name}": 1})


def test_a_refused_call_holds_nothing() -> None:
    """Neither a place nor a part of what its other holders may have."""
    limit = ObservedLimit()
    with ExitStack() as entered:
        acquire(limit, entered, ("sender", b"mallory"), times=PARTS["sender"])
        for _ in range(100):
            with pytest.raises(TooManyCalls):
                acquire(limit, entered, ("client", b"home"), ("sender", b"mallory"))
        acquire(limit, entered, ("client", b"home"), times=PARTS["client"])

        assert limit.taken == PARTS["sender"] + PARTS["client"]


def test_what_was_left_may_be_taken_again() -> None:
    """All parts are whole afterwards."""
    limit = ObservedLimit()
    for _ in range(3):
        with ExitStack() as entered:
            acquire(limit, entered, ("sender", b"alice"), times=PARTS["sender"])

    assert limit.taken == 0


def test_a_small_server_leaves_a_person_a_few() -> None:
    """A part of very few places would be none."""
    limit = ObservedLimit(MIN_PART)
    with ExitStack() as entered:
        acquire(limit, entered, ("sender", b"alice"), times=MIN_PART)

        assert limit.taken == MIN_PART


def test_asking_takes_nothing() -> None:
    """Room is asked for before a call is verified, and taken after."""
    limit = ObservedLimit()
    with ExitStack() as entered:
        for _ in range(SIZE + 1):
            limit.check(("sender", b"alice"))
        acquire(limit, entered, ("sender", b"alice"), times=PARTS["sender"])
        with pytest.raises(TooManyCalls):
            limit.check(("client", b"home"), ("sender", b"alice"))

        assert limit.taken == PARTS["sender"]
