"""Refusals of delivery: endpoints that are not allowed, push services that refuse or fail.

Refused
├── EndpointNotAllowed  403 endpoint_not_allowed
├── EndpointUnverified  403 endpoint_unverified
├── RecipientGone       404 recipient_gone
├── MessageTooLarge     413 message_too_large
├── PushRefused         502 push_refused
├── PushUnreachable     502 push_unreachable
├── PushBusy            503 push_busy
└── PushTimedOut        504 push_timed_out
"""

from collections.abc import Sequence

from app.protocol.errors import Refused
from app.push.outcome import DEFAULT_RETRY_AFTER_S, DeliveryStatus, Outcome


class EndpointNotAllowed(Refused):
    """The subscription's endpoint is not one that this server may send to."""

    code = "endpoint_not_allowed"
    status = 403
    reason = "This server does not send to the push service of this subscription."


class EndpointUnverified(Refused):
    """Anybody may have named this endpoint: the code in the verification push is needed to register it."""

    code = "endpoint_unverified"
    status = 403
    reason = "A verification push was sent to this endpoint: send the update again with its code as d."


class RecipientGone(Refused):
    """The push service says that the recipient's subscription is gone; it is forgotten here too."""

    code = "recipient_gone"
    status = 404
    reason = "The recipient's subscription is gone; they must register again before they can be reached."


class MessageTooLarge(Refused):
    """The call does not fit one Web Push message."""

    code = "message_too_large"
    status = 413
    reason = "The call does not fit one Web Push message."


class PushRefused(Refused):
    """The push service answered, and did not take the message."""

    code = "push_refused"
    status = 502
    reason = "The recipient's push service refused the message."


class PushUnreachable(Refused):
    """No connection to the push service could be made."""

    code = "push_unreachable"
    status = 502
    reason = "The recipient's push service could not be reached."


class PushBusy(Refused):
    """The push service asks to wait."""

    code = "push_busy"
    status = 503
    reason = "The recipient's push service asks to wait: try again after Retry-After."


class PushTimedOut(Refused):
    """The push service did not answer, or hung up before it did; the message may have been delivered."""

    code = "push_timed_out"
    status = 504
    reason = "The recipient's push service did not answer: the message may have arrived."


_REFUSALS: dict[DeliveryStatus, type[Refused]] = {
    DeliveryStatus.GONE: RecipientGone,
    DeliveryStatus.TOO_LARGE: MessageTooLarge,
    DeliveryStatus.REFUSED: PushRefused,
    DeliveryStatus.FORBIDDEN: EndpointNotAllowed,
    DeliveryStatus.UNREACHABLE: PushUnreachable,
    DeliveryStatus.TIMED_OUT: PushTimedOut,
    DeliveryStatus.LOST: PushTimedOut,
}


def require_accepted(outcome: Outcome) -> None:
    """Raise the refusal for *outcome* unless the push service accepted the message."""
    if outcome.delivery is DeliveryStatus.ACCEPTED:
        return
    match outcome:
        case Outcome(delivery=DeliveryStatus.BUSY, retry_after=seconds):
            raise PushBusy(retry_after=DEFAULT_RETRY_AFTER_S if seconds is None else seconds)
        case Outcome(delivery=DeliveryStatus.REFUSED, status=int(status)):
            raise PushRefused(f"The recipient's push service refused the message with status {status}.")
        case Outcome(delivery=delivery):
            raise _REFUSALS[delivery]


# Of several devices: the message may have arrived, may arrive later, or will not. One that is gone says
# nothing about the others.
_BY_TRUTH: tuple[type[Refused], ...] = (
    PushTimedOut,
    PushBusy,
    PushUnreachable,
    PushRefused,
    MessageTooLarge,
    EndpointNotAllowed,
    RecipientGone,
)


def pick_refusal(refusals: Sequence[Refused]) -> Refused:
    """Return the one of *refusals*, each of a device, that says most of the whole call."""
    return min(refusals, key=lambda each: (_BY_TRUTH.index(type(each)), each.retry_after or 0))
