"""Token bucket: so much at once, then evenly, for as many keys as there is room for."""

import tracemalloc
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.limits.token_bucket import Rate, TokenBuckets

NOW = 1_760_000_000_000
ROOM = 1000

rates = st.builds(Rate, st.integers(1, 12), st.integers(1, 60))
pause = st.just(0) | st.integers(0, 20_000)
gaps = st.lists(pause, max_size=60)


@pytest.fixture
def dials() -> TokenBuckets:
    """Return buckets of five, and one more every ten seconds."""
    return TokenBuckets(Rate(5, 50), ROOM)


def empty(buckets: TokenBuckets, key: bytes, now: int = NOW) -> int:
    """Take from *key* until it is refused, and return how often it was not."""
    taken = 0
    while buckets.consume(key, now) == 0:
        taken += 1
    return taken


@pytest.mark.parametrize(("text", "rate"), [("5/50s", Rate(5, 50)), ("1/1s", Rate(1, 1))])
def test_a_rate_is_read(text: str, rate: Rate) -> None:
    """So many at once, in so many seconds."""
    assert Rate.parse(text) == rate


@given(st.builds(Rate, st.integers(1, 999_999_999), st.integers(1, 999_999_999)))
def test_what_is_printed_is_read_again(rate: Rate) -> None:
    """`str` and `parse` are each other's inverse."""
    assert Rate.parse(str(rate)) == rate


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "5",
            "5/50",
            "5/s",
            "/50s",
            "5/50m",
            "5/50S",
            "5/50s/1s",
            "5.5/50s",
            "-5/50s",
            "+5/50s",
            "05/50s",
        ),
        *(" 5/50s", "5/50s ", "5/50s\n", "5 / 50s", "\u0665/50s"),
        *("0/50s", "5/0s", "1234567890/1s", "1/1234567890s"),
    ],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    """There is one spelling, and the fault says which."""
    with pytest.raises(ValueError, match="5/50s"):
        Rate.parse(text)


def test_the_burst_is_let_through_at_once(dials: TokenBuckets) -> None:
    """Five, and not a sixth."""
    assert empty(dials, b"alice") == 5


def test_after_the_burst_it_refills_evenly(dials: TokenBuckets) -> None:
    """One per ten seconds, to the millisecond."""
    empty(dials, b"alice")

    assert [dials.consume(b"alice", NOW + ms) for ms in (0, 1, 9_999, 10_000, 10_000)] == [10, 10, 1, 0, 10]
    assert [dials.consume(b"alice", NOW + ms) for ms in (19_999, 20_000, 20_001)] == [1, 0, 10]


def test_a_wait_is_said_in_whole_seconds_never_too_short(dials: TokenBuckets) -> None:
    """What is left of a second is a second."""
    empty(dials, b"alice")

    assert [
        dials.retry_after(b"alice", NOW + ms) for ms in (0, 999, 1000, 1001, 8_999, 9_000, 9_001, 10_000)
    ] == [*(10, 10, 9, 9, 2, 1, 1, 0)]


def test_asking_takes_nothing(dials: TokenBuckets) -> None:
    """`retry_after` may be asked a hundred times, and leaves no trace."""
    assert {dials.retry_after(b"alice", NOW) for _ in range(100)} == {0}

    assert (len(dials), empty(dials, b"alice")) == (0, 5)


def test_being_refused_takes_nothing(dials: TokenBuckets) -> None:
    """Who knocks all the time is let in at the same time."""
    empty(dials, b"alice")
    for ms in range(0, 10_000, 100):
        dials.consume(b"alice", NOW + ms)

    assert dials.consume(b"alice", NOW + 10_000) == 0


def test_after_a_rest_the_whole_burst_is_back(dials: TokenBuckets) -> None:
    """And no more than the burst, however long the rest."""
    empty(dials, b"alice")

    assert empty(dials, b"alice", NOW + 50_000) == 5
    assert empty(dials, b"alice", NOW + 50_000_000) == 5


def test_keys_do_not_share(dials: TokenBuckets) -> None:
    """One who has had enough takes nothing from another."""
    empty(dials, b"alice")

    assert empty(dials, b"bob") == 5


def test_full_buckets_are_forgotten(dials: TokenBuckets) -> None:
    """A key that has rested costs no memory."""
    for number in range(100):
        dials.consume(b"%d" % number, NOW)

    dials.consume(b"alice", NOW + 10_000)

    assert len(dials) == 1


def test_a_flood_of_keys_forgets_the_one_that_was_used_least_recently() -> None:
    """Not the one that came first: who is kept busy stays limited."""
    buckets = TokenBuckets(Rate(2, 50), 3)
    for key in (b"alice", b"bob", b"carol", b"alice", b"dave"):
        buckets.consume(key, NOW)

    assert len(buckets) == 3
    assert [empty(buckets, key) for key in (b"alice", b"dave")] == [0, 1]
    assert empty(buckets, b"bob") == 2


def test_a_flood_of_keys_never_fails_and_has_its_bound() -> None:
    """Every fresh key is let in, and memory does not grow with their number."""
    buckets = TokenBuckets(Rate(5, 50), ROOM)
    sizes = []
    tracemalloc.start()
    for flood in range(20):
        assert all(buckets.consume(b"%d %d" % (flood, number), NOW) == 0 for number in range(ROOM))
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    assert len(buckets) == ROOM
    assert max(sizes) < 1.5 * sizes[0]


@pytest.mark.parametrize("text", ["999999999/1s", "999999999/999999999s", "1/999999999s", "9999999/1s"])
def test_any_rate_that_can_be_said_works(text: str) -> None:
    """Also one that is finer than the clock, which an operator may take for "no limit"."""
    buckets = TokenBuckets(Rate.parse(text), ROOM)

    assert [buckets.consume(b"alice", NOW), buckets.consume(b"bob", NOW), buckets.consume(b"alice", NOW + 1)][
        :2
    ] == [
        0,
        0,
    ]


@given(rates, gaps)
def test_no_window_lets_through_more_than_it_may(rate: Rate, gaps: list[int]) -> None:
    """In any stretch of time: the burst, and what refilled meanwhile."""
    buckets, now, taken = TokenBuckets(rate, ROOM), NOW, list[int]()
    for gap in gaps:
        now += gap
        taken += [now] * (buckets.consume(b"alice", now) == 0)

    for first, begin in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            refilled = Fraction((end - begin) * rate.burst, 1000 * rate.seconds)
            assert last - first + 1 <= rate.burst + refilled


@given(rates)
def test_every_rate_lets_its_burst_through(rate: Rate) -> None:
    """Neither one more nor one less, also when it does not divide evenly."""
    assert empty(TokenBuckets(rate, ROOM), b"alice") == rate.burst


@given(rates, st.lists(st.none() | pause, max_size=60))
def test_it_decides_like_a_bucket_that_is_filled_by_hand(rate: Rate, gaps: list[int | None]) -> None:
    """A naive bucket of exact fractions decides the same, also at the very ms when the next fits (`None`)."""
    per_ms = Fraction(rate.burst, 1000 * rate.seconds)
    buckets, now, level = TokenBuckets(rate, ROOM), NOW, Fraction(rate.burst)
    for gap in gaps:
        passed = max(0, ceil((1 - level) / per_ms)) if gap is None else gap
        now += passed
        level = min(Fraction(rate.burst), level + passed * per_ms)
        assert (buckets.consume(b"alice", now) == 0) == (level >= 1)
        level -= level >= 1


@given(rates, gaps)
def test_a_wait_is_true(rate: Rate, gaps: list[int]) -> None:
    """After that many seconds it goes, and a second earlier it would not."""
    buckets, now = TokenBuckets(rate, ROOM), NOW
    for gap in gaps:
        now += gap
        seconds = buckets.consume(b"alice", now)

        assert not seconds or buckets.retry_after(b"alice", now + 1000 * (seconds - 1))
        assert not seconds or buckets.retry_after(b"alice", now + 1000 * seconds) == 0
