"""Outcome of each answer of a push service."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.push.outcome import DEFAULT_RETRY_AFTER_S, MAX_RETRY_AFTER_S, DeliveryStatus, Outcome, outcome_of

BUSY = [406, 429, 503]
FATES = {
    DeliveryStatus.ACCEPTED: {*range(200, 300)},
    DeliveryStatus.GONE: {404, 410},
    DeliveryStatus.BUSY: {*BUSY},
    DeliveryStatus.TOO_LARGE: {413},
    DeliveryStatus.REFUSED: {*range(100, 1000)} - {*range(200, 300)} - {404, 410, 413} - {*BUSY},
}

JUNK = {
    "word": "soon",
    "space": " ",
    "negative": "-5",
    "plus": "+5",
    "fraction": "1.5",
    "exponent": "1e3",
    "unit": "5s",
    "two numbers": "5, 6",
    "other digits": "\u0665",
    "raised digit": "\u00b2",
    "date without a year": "Wed, 21 Oct 07:28:00 GMT",
    "day that does not exist": "Wed, 32 Oct 2015 07:28:00 GMT",
    "hour that does not exist": "Wed, 21 Oct 2015 25:28:00 GMT",
    "date without a zone": "Wed, 21 Oct 2015 07:28:00 -0000",
    "huge zone": "Wed, 21 Oct 2015 07:28:00 +99999999999999999999",
    "huge year": "21 Oct 99999999999999999999 07:28:00",
    "ISO date": "2015-10-21T07:28:00Z",
}


NOW = 1_760_000_000_000


def date_in(seconds: float) -> str:
    """Return the HTTP date so many seconds from now."""
    return format_datetime(datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("delivery", "statuses"), FATES.items(), ids=lambda value: getattr(value, "name", "")
)
def test_a_fate_has_its_statuses(delivery: DeliveryStatus, statuses: set[int]) -> None:
    """Any 2xx is a success, 404 and 410 mean gone, and a redirect is never followed."""
    assert {
        status for status in range(100, 1000) if outcome_of(status, None, NOW).delivery is delivery
    } == statuses


@pytest.mark.parametrize("status", [201, 301, 404, 413, 503, 507])
def test_an_outcome_tells_its_status(status: int) -> None:
    """An operator can look it up."""
    assert outcome_of(status, None, NOW).status == status


@pytest.mark.parametrize("status", BUSY)
def test_a_wait_in_seconds_is_kept(status: int) -> None:
    """Windows says 406 and 900, Mozilla 503 and 120."""
    assert outcome_of(status, "120", NOW) == Outcome(DeliveryStatus.BUSY, status, 120)


@pytest.mark.parametrize("status", BUSY)
@pytest.mark.parametrize("retry_after", [None, ""], ids=["absent", "empty"])
def test_a_push_service_need_not_say_how_long(status: int, retry_after: str | None) -> None:
    """Then nobody claims that it did."""
    assert outcome_of(status, retry_after, NOW).retry_after is None


@pytest.mark.parametrize("status", [200, 201, 301, 400, 404, 410, 413, 500, 502, 504, 507])
def test_only_who_is_busy_asks_to_wait(status: int) -> None:
    """On any other answer the header means nothing here."""
    assert outcome_of(status, "120", NOW).retry_after is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1", 1), ("007", 7), (str(MAX_RETRY_AFTER_S), MAX_RETRY_AFTER_S)],
)
def test_seconds_are_read(text: str, seconds: int) -> None:
    """Whole ones, as RFC 9110 has them."""
    assert outcome_of(429, text, NOW).retry_after == seconds


@pytest.mark.parametrize("text", [str(MAX_RETRY_AFTER_S + 1), "9" * 11, "9" * 5000, date_in(10**9)], ids=len)
def test_a_wait_is_bounded(text: str) -> None:
    """A push service cannot silence a recipient for years, nor make us read 5000 digits."""
    assert outcome_of(503, text, NOW).retry_after == MAX_RETRY_AFTER_S


@pytest.mark.parametrize("seconds", [2, 90, MAX_RETRY_AFTER_S - 1])
def test_a_date_is_a_wait_until_then(seconds: int) -> None:
    """To the second."""
    assert outcome_of(503, date_in(seconds), NOW).retry_after == seconds


@pytest.mark.parametrize(
    "text",
    [date_in(-1), date_in(-(10**9)), "Mon, 01 Jan 0001 00:00:00 +2359"],
    ids=["a second ago", "decades ago", "before the first day"],
)
def test_a_date_in_the_past_is_no_wait(text: str) -> None:
    """Never a negative one."""
    assert outcome_of(503, text, NOW).retry_after == 0


@pytest.mark.parametrize("text", JUNK.values(), ids=JUNK)
def test_a_wait_that_is_junk_is_the_default(text: str) -> None:
    """The push service is busy, whatever it meant."""
    assert outcome_of(503, text, NOW).retry_after == DEFAULT_RETRY_AFTER_S


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(BUSY), st.text(min_size=1, max_size=40) | st.text("0123456789-+:., GMTWed", min_size=1)
)
def test_any_wait_is_within_bounds(status: int, text: str) -> None:
    """Whatever a push service sends, it makes a number of seconds and no exception."""
    waits = outcome_of(status, text, NOW).retry_after

    assert waits is not None
    assert 0 <= waits <= MAX_RETRY_AFTER_S
