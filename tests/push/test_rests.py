"""Who asked to be left alone is left alone, and no longer."""

from app.push.rests import MAX_RESTING, RetryAfterTracker

URL = "https://push.example.org/x"


def test_who_asked_for_nothing_need_not_wait() -> None:
    """Most never do."""
    assert RetryAfterTracker().wait(URL, 0) == 0


def test_a_wait_is_told_in_whole_seconds_until_it_is_over() -> None:
    """Never a second too few."""
    rests = RetryAfterTracker()
    rests.note(URL, 2, 10)

    assert [rests.wait(URL, now) for now in (10, 11, 1010, 1011, 2009, 2010)] == [2, 2, 1, 1, 1, 0]


def test_what_is_over_is_forgotten() -> None:
    """It takes no memory."""
    rests = RetryAfterTracker()
    rests.note(URL, 1, 0)
    rests.wait(URL, 1000)

    assert len(rests) == 0


def test_one_endpoint_rests_for_itself() -> None:
    """Not for others of the same push service."""
    rests = RetryAfterTracker()
    rests.note(URL, 60, 0)

    assert rests.wait(URL + "y", 0) == 0


def test_the_latest_wish_counts() -> None:
    """Whether it is longer or shorter."""
    rests = RetryAfterTracker()
    rests.note(URL, 60, 0)
    rests.note(URL, 1, 0)

    assert rests.wait(URL, 0) == 1


def test_memory_is_bounded() -> None:
    """Of too many the oldest is forgotten."""
    rests = RetryAfterTracker()
    for number in range(MAX_RESTING + 1):
        rests.note(f"{URL}{number}", 60, 0)

    assert (len(rests), rests.wait(f"{URL}0", 0), rests.wait(f"{URL}1", 0)) == (MAX_RESTING, 0, 60)
