"""TTL, urgency and notification of a push, by method and push service."""

from dataclasses import dataclass

from app.protocol.messages import Answer, Close, Dial, Ice, Offer


@dataclass(frozen=True, slots=True)
class Notification:
    """Notification that a service worker shows; *silent* is without a sound."""

    title: str
    body: str
    silent: bool = False


@dataclass(frozen=True, slots=True)
class PushOptions:
    """RFC 8030 TTL in seconds (section 5.2) and Urgency (5.3), and the notice if one is shown."""

    ttl: int
    urgency: str
    notice: Notification | None = None


_RINGING = Notification("Incoming call", "Someone wants to connect with you.")
_CONNECTING = Notification("Connecting", "A connection is being set up.", silent=True)
_CLOSED = Notification("Call ended", "The connection was closed.", silent=True)

# A minute: who has not been woken by then is not answering this call. Never 0: Windows refuses it, and others
# drop the message. Urgent only what shows something, or Google slows the sender down.
_ELSEWHERE = {
    Dial.method: PushOptions(60, "high", _RINGING),
    Offer.method: PushOptions(60, "normal"),
    Answer.method: PushOptions(60, "normal"),
    Close.method: PushOptions(60, "normal"),
    Ice.method: PushOptions(30, "normal"),
}

# Safari revokes a subscription after three pushes that show nothing: everything carries a notice there.
_APPLE = {
    Dial.method: PushOptions(60, "high", Notification(_RINGING.title, _RINGING.body, silent=True)),
    Offer.method: PushOptions(60, "high", _CONNECTING),
    Answer.method: PushOptions(60, "high", _CONNECTING),
    Close.method: PushOptions(60, "high", _CLOSED),
    Ice.method: PushOptions(30, "high", _CONNECTING),
}


# What they say to a message that was signed with another key than the subscription was made for.
_KEY_MISMATCH = {"google": {403}, "mozilla": {401}, "apple": {400, 403}}
_KEY_MISMATCH_ELSEWHERE = {401, 403}


def is_vapid_key_mismatch(service: str, status: int | None) -> bool:
    """Tell whether *status* is what *service* says when the subscription belongs to another VAPID key."""
    return status in _KEY_MISMATCH.get(service, _KEY_MISMATCH_ELSEWHERE)


def push_options(method: str, host: str) -> PushOptions:
    """Return how a relayed *method* goes to the push service at *host*."""
    return (_APPLE if host.endswith(".push.apple.com") else _ELSEWHERE)[method]
