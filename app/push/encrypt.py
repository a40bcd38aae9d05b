"""Subscription and payload in, an encrypted push message out (RFC 8291). No I/O."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass

from pywebpush import WebPusher

from app.protocol.errors import MessageTooLarge
from app.protocol.limits import MAX_PLAINTEXT_BYTES
from app.protocol.subscription import Endpoint, Subscription


@dataclass(frozen=True, slots=True)
class PushRequest:
    """One HTTP POST to a push resource (RFC 8030, section 5), ready to be sent.

    *token_age* is that of its VAPID token, in seconds.
    """

    endpoint: Endpoint
    headers: dict[str, str]
    body: bytes
    token_age: int = 0


def encrypt(subscription: Subscription, payload: bytes) -> bytes:
    """Return *payload* as an `aes128gcm` body that only the subscription's browser can read.

    Raise `MessageTooLarge`, with the number of bytes, for more than `MAX_PLAINTEXT_BYTES`.
    """
    over = len(payload) - MAX_PLAINTEXT_BYTES
    if over > 0:
        raise MessageTooLarge(f"The call does not fit one Web Push message: {over} bytes too many.")
    keys = {
        "p256dh": urlsafe_b64encode(subscription.keys.p256dh).decode(),
        "auth": urlsafe_b64encode(subscription.keys.auth).decode(),
    }
    pusher = WebPusher({"endpoint": subscription.endpoint.url, "keys": keys})
    body: bytes = pusher.encode(payload, content_encoding="aes128gcm")["body"]
    return body
