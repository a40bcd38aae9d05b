"""Limits of untrusted hosts, circuit breaker, and endpoints that ask to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.push.delivery_limits import (
    FAILURES,
    MAX_WAITING,
    PAUSE_S,
    HostLimits,
    InFlightLimits,
    RetryAfterTracker,
)

URL = "https://push.example.org/x"
HOST = "up.example.org"
NOW = 1_700_000_000_000
BURST = 10  # pushes to an untrusted host at once


def drain(limits: HostLimits, host: str, now: int) -> int:
    """Consume until *host* has to wait; return how often it had not."""
    sent = 0
    while limits.consume(host, now) == 0:
        sent += 1
    return sent


def fail(limits: HostLimits, host: str, now: int, times: int = FAILURES) -> None:
    """Let sending to *host* fail in a row."""
    for _ in range(times):
        limits.record(host, now, failed=True)


def test_a_host_gets_ten_at_once_and_one_a_second() -> None:
    """Enough for the calls of one household."""
    limits = HostLimits()

    assert drain(limits, HOST, NOW) == BURST
    assert limits.retry_after(HOST, NOW) == 1
    assert [drain(limits, HOST, NOW + 1000 * second) for second in (1, 2, 5)] == [1, 1, 3]
    assert drain(limits, HOST, NOW + 3_600_000) == BURST


def test_asking_how_long_to_wait_consumes_nothing() -> None:
    """A message that is refused for another reason costs the host none of its own."""
    limits = HostLimits()

    waits = [limits.retry_after(HOST, NOW) for _ in range(2 * BURST)]

    assert (set(waits), drain(limits, HOST, NOW)) == ({0}, BURST)


def test_a_host_has_its_own_budget() -> None:
    """What one has used up, another has not."""
    limits = HostLimits()
    drain(limits, HOST, NOW)

    assert drain(limits, "other.example.org", NOW) == BURST


def test_a_host_that_fails_five_times_in_a_row_is_left_alone_for_a_minute() -> None:
    """And says for how long."""
    limits = HostLimits()

    fail(limits, HOST, NOW)

    assert (FAILURES, PAUSE_S) == (5, 60)
    assert [limits.retry_after(HOST, NOW + ms) for ms in (0, 1, 30_000, 59_999, 60_000)] == [60, 60, 30, 1, 0]
    assert limits.retry_after("other.example.org", NOW) == 0


@pytest.mark.parametrize("failures", range(1, FAILURES))
def test_a_host_may_fail_now_and_then(failures: int) -> None:
    """Only failures in a row count."""
    limits = HostLimits()

    for _ in range(3):
        fail(limits, HOST, NOW, failures)
        limits.record(HOST, NOW, failed=False)

    assert limits.retry_after(HOST, NOW) == 0


def test_a_host_that_still_fails_after_its_rest_rests_again() -> None:
    """One attempt is all it gets."""
    limits = HostLimits()
    fail(limits, HOST, NOW)
    later = NOW + 1000 * PAUSE_S

    assert limits.retry_after(HOST, later) == 0
    limits.record(HOST, later, failed=True)

    assert limits.retry_after(HOST, later) == PAUSE_S


def test_a_host_that_works_after_its_rest_is_as_good_as_new() -> None:
    """It may fail as often as any other."""
    limits = HostLimits()
    fail(limits, HOST, NOW)
    later = NOW + 1000 * PAUSE_S

    limits.record(HOST, later, failed=False)
    fail(limits, HOST, later, FAILURES - 1)

    assert limits.retry_after(HOST, later) == 0


def test_a_flood_of_hosts_makes_the_budget_forget() -> None:
    """The one that was used least recently, and no other: memory is bounded."""
    limits = HostLimits(size=2)

    hosts = ("first.example.org", "second.example.org", "third.example.org")
    for host in hosts:
        fail(limits, host, NOW)

    assert [limits.retry_after(host, NOW) for host in hosts] == [0, PAUSE_S, PAUSE_S]


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 30_000), st.sampled_from([True, False, None])))
)
def test_a_wait_is_bounded_whatever_happens(events: list[tuple[str, int, bool | None]]) -> None:
    """Nobody is left alone for longer than the rest, and after it everybody is sent to again."""
    limits, now = HostLimits(size=3), NOW
    for host, pause, failed in events:
        now += pause
        if failed is None:
            assert 0 <= limits.consume(host, now) <= PAUSE_S
        else:
            limits.record(host, now, failed=failed)

    assert [limits.retry_after(host, now + 1000 * PAUSE_S) for host in "abcd"] == [0, 0, 0, 0]


def test_who_asked_for_nothing_need_not_wait() -> None:
    """Most never do."""
    assert RetryAfterTracker().retry_after(URL, 0) == 0


def test_a_wait_is_told_in_whole_seconds_until_it_is_over() -> None:
    """Never a second too few."""
    tracker = RetryAfterTracker()
    tracker.record(URL, 2, 10)

    assert [tracker.retry_after(URL, now) for now in (10, 11, 1010, 1011, 2009, 2010)] == [2, 2, 1, 1, 1, 0]


def test_what_is_over_is_forgotten() -> None:
    """It takes no memory."""
    tracker = RetryAfterTracker()
    tracker.record(URL, 1, 0)
    tracker.retry_after(URL, 1000)

    assert len(tracker) == 0


def test_one_endpoint_tracker_for_itself() -> None:
    """Not for others of the same push service."""
    tracker = RetryAfterTracker()
    tracker.record(URL, 60, 0)

    assert tracker.retry_after(URL + "y", 0) == 0


def test_the_latest_wish_counts() -> None:
    """Whether it is longer or shorter."""
    tracker = RetryAfterTracker()
    tracker.record(URL, 60, 0)
    tracker.record(URL, 1, 0)

    assert tracker.retry_after(URL, 0) == 1


def test_memory_is_bounded() -> None:
    """Of too many the oldest is forgotten."""
    tracker = RetryAfterTracker()
    for number in range(MAX_WAITING + 1):
        tracker.record(f"{URL}{number}", 60, 0)

    assert len(tracker) == MAX_WAITING
    assert [tracker.retry_after(f"{URL}{number}", 0) for number in (0, 1)] == [0, 60]


def test_a_place_is_taken_until_the_message_has_ended() -> None:
    """And no longer."""
    limits, places = InFlightLimits(), {HOST: 2}

    limits.take(places)
    limits.take(places)
    full = limits.is_full(places)
    limits.leave(places)

    assert (full, limits.is_full(places)) == (True, False)


def test_a_message_takes_a_place_of_each_kind() -> None:
    """One that is full is enough to refuse."""
    limits = InFlightLimits()

    limits.take({HOST: 2, URL: 1})

    assert limits.is_full({HOST: 2, URL: 1})
    assert not limits.is_full({HOST: 2, URL + "y": 1})


def test_nothing_is_kept_of_messages_that_have_ended() -> None:
    """There are as many endpoints as people can name."""
    limits = InFlightLimits()

    for number in range(1000):
        limits.take([f"{URL}{number}"])
        limits.leave([f"{URL}{number}"])

    assert len(limits) == 0
