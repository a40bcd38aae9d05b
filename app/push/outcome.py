"""Outcome of a push message, read from the answer of its push service."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import NamedTuple

MAX_RETRY_AFTER_S = 3600  # a junk date must not silence a recipient for years
DEFAULT_RETRY_AFTER_S = 30  # when a push service asks to wait and does not say how long


class DeliveryStatus(Enum):
    """Delivery status of a push message."""

    ACCEPTED = auto()
    GONE = auto()  # the subscription is no more: forget it
    BUSY = auto()  # ask again later
    TOO_LARGE = auto()
    REFUSED = auto()
    FORBIDDEN = auto()  # its name leads to an address that is not public
    UNREACHABLE = auto()  # no connection
    TIMED_OUT = auto()  # sent, perhaps taken
    LOST = auto()  # sent, perhaps taken: the connection ended before an answer


class Outcome(NamedTuple):
    """Delivery status of a message, with the push service's HTTP status and its Retry-After, in seconds.

    *key_id* names the server's key that the message was accepted with, where that is news.
    """

    delivery: DeliveryStatus
    status: int | None = None
    retry_after: int | None = None
    key_id: str | None = None


class Attempt(NamedTuple):
    """One POST to a push service, as it is measured: nothing of it is secret.

    *service* is a fixed label (`EndpointPolicy.classify`), *token_age* that of its VAPID token, s.
    """

    service: str
    host: str
    outcome: Outcome
    seconds: float
    token_age: int = 0


# 406 is how Windows throttles. All that is not here is a refusal.
_DELIVERY_STATUS = {
    404: DeliveryStatus.GONE,
    406: DeliveryStatus.BUSY,
    410: DeliveryStatus.GONE,
    413: DeliveryStatus.TOO_LARGE,
    429: DeliveryStatus.BUSY,
    503: DeliveryStatus.BUSY,
}
_ACCEPTED = {status: Outcome(DeliveryStatus.ACCEPTED, status) for status in range(200, 300)}


def outcome_of(status: int, retry_after: str | None, now: int) -> Outcome:
    """Read a push service's answer: its HTTP status and its Retry-After header; *now* in ms."""
    if status in _ACCEPTED:
        return _ACCEPTED[status]
    delivery = _DELIVERY_STATUS.get(status, DeliveryStatus.REFUSED)
    if delivery is not DeliveryStatus.BUSY or not retry_after:
        return Outcome(delivery, status)
    return Outcome(delivery, status, _parse_retry_after(retry_after, now))


def _parse_retry_after(text: str, now: int) -> int:
    """Read a Retry-After (RFC 9110, section 10.2.3): seconds or a date; junk is the default."""
    if text.isascii() and text.isdigit():
        return min(int(text[:10]), MAX_RETRY_AFTER_S)
    try:
        wait = parsedate_to_datetime(text) - datetime.fromtimestamp(now / 1000, UTC)
    except (ValueError, TypeError, OverflowError):
        return DEFAULT_RETRY_AFTER_S
    return min(max(int(wait.total_seconds()), 0), MAX_RETRY_AFTER_S)
