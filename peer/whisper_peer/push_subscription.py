"""Push subscription at the receiver: endpoint, keys and decryption (RFC 8291)."""

import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any, Self

import http_ece
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUTH_BYTES = 16  # section 3.2


@dataclass(frozen=True, slots=True)
class Subscription:
    """Push subscription: endpoint and decryption keys."""

    channel: str
    endpoint: str = field(repr=False)
    key: EllipticCurvePrivateKey = field(repr=False)
    auth: bytes = field(repr=False)

    @classmethod
    def generate(cls, channel: str, endpoint: str) -> Self:
        """Return a subscription at *endpoint* with new keys."""
        return cls(channel, endpoint, generate_private_key(SECP256R1()), os.urandom(AUTH_BYTES))

    @property
    def p256dh(self) -> bytes:
        """The public key, 65 bytes, uncompressed."""
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def as_data(self, expires_at: int | None = None) -> dict[str, Any]:
        """Return what the `update` method says of a subscription, which may expire, ms."""
        return {
            "a": self.endpoint,
            "b": expires_at,
            "c": {"a": _text_of(self.p256dh), "b": _text_of(self.auth)},
        }

    def decrypt(self, body: bytes) -> bytes | None:
        """Return the plaintext of an `aes128gcm` body, or `None` if it was not encrypted to these keys."""
        try:
            plaintext: bytes = http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth)
        except (http_ece.ECEException, ValueError):
            return None
        return plaintext


def _text_of(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
