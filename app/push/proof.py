"""Codes that prove who reads what is pushed to an endpoint. Nothing is stored for them."""

import hmac
from base64 import urlsafe_b64encode

from app.protocol.keys import Address
from app.protocol.subscription import Subscription

# A code is good in the hour it was made in and the next: long enough for a phone that was switched off.
EPOCH_MS = 60 * 60 * 1000
_CODE_BYTES = 16


class Codes:
    """Codes under one *key*; each is for one address and one subscription."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, address: Address, subscription: Subscription, now: int) -> str:
        """Return the code, 22 characters of base64url; *now* in ms."""
        keys = subscription.keys
        known = b"".join([address.raw, keys.p256dh, keys.auth, subscription.endpoint.url.encode()])
        epoch = (now // EPOCH_MS).to_bytes(8)
        digest = hmac.digest(self._key, epoch + known, "sha256")[:_CODE_BYTES]
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def prove(self, code: str, address: Address, subscription: Subscription, now: int) -> bool:
        """Tell whether *code* was made for these two, lately."""
        lately = (now, now - EPOCH_MS)
        codes = [self.of(address, subscription, at).encode() for at in lately]
        return any(hmac.compare_digest(code.encode(), made) for made in codes)
