"""Verification codes: stateless proof that the registrant of an endpoint reads its pushes."""

import hmac
from base64 import urlsafe_b64encode

from app.protocol.keys import Address
from app.protocol.subscription import PushTarget

# A code is good in the hour it was made in and the next: long enough for a phone that was switched off.
EPOCH_MS = 60 * 60 * 1000
_CODE_BYTES = 16


class VerificationCodes:
    """HMAC codes under one *key*; each is for one address and one subscription."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, address: Address, target: PushTarget, now: int) -> str:
        """Return the code, 22 characters of base64url; *now* in ms."""
        known = b"".join([address.raw, target.p256dh, target.auth, target.endpoint.url.encode()])
        epoch = (now // EPOCH_MS).to_bytes(8)
        digest = hmac.digest(self._key, epoch + known, "sha256")[:_CODE_BYTES]
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def verify(self, code: str, address: Address, target: PushTarget, now: int) -> bool:
        """Tell whether *code* was made for these two, lately."""
        lately = (now, now - EPOCH_MS)
        codes = [self.make(address, target, at).encode() for at in lately]
        return any(hmac.compare_digest(code.encode(), made) for made in codes)
