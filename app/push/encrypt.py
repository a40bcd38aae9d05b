"""Message encryption for Web Push (RFC 8291), without I/O."""

import os
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.protocol.constants import MAX_PLAINTEXT_BYTES
from app.protocol.subscription import Endpoint, PushTarget
from app.push.errors import MessageTooLarge

# RFC 8188, section 2: salt, record size, and the length of the sender's key, which follows.
_RECORD_BYTES = 4096
_SALT_BYTES = 16
_KEY_BYTES = 65
_SIZES = _RECORD_BYTES.to_bytes(4) + bytes([_KEY_BYTES])

# A message is one record, and its last: this byte says so, and that no padding follows.
_LAST = b"\x02"

_CURVE = SECP256R1()
_ECDH = ECDH()
_SHA256 = SHA256()

# Browsers that are called now are called again in a moment: a connection takes three messages. Some 1 MB.
_KEYS_KEPT = 512

# Keys of our own are made so many at once: the tables for it are large, and then they are at hand.
_KEYS_MADE = 16


class PushRequest(NamedTuple):
    """HTTP POST to a push resource (RFC 8030, section 5), ready to be sent.

    *service* is a fixed label (`EndpointPolicy.classify`); *fields* are lines of its head; *token_age* is
    that of its VAPID token, in seconds. *verifies* tells a verification push from a message to an endpoint
    that was proven.
    """

    endpoint: Endpoint
    service: str
    fields: str
    body: bytes
    token_age: int = 0
    verifies: bool = False


def encrypt(target: PushTarget, payload: bytes) -> bytes:
    """Return *payload* as an `aes128gcm` body that only *target* can read.

    Raise `MessageTooLarge`, with the number of bytes, for more than `MAX_PLAINTEXT_BYTES`.
    """
    over = len(payload) - MAX_PLAINTEXT_BYTES
    if over > 0:
        raise MessageTooLarge(f"The call does not fit one Web Push message: {over} bytes too many.")
    return seal(target, payload, next(_new_keys), os.urandom(_SALT_BYTES))


def _generate() -> Iterator[EllipticCurvePrivateKey]:
    """Make keys; each is taken once: by one thread, and by no fork."""
    while True:
        yield from [generate_private_key(_CURVE) for _ in range(_KEYS_MADE)]


_new_keys = _generate()


def seal(target: PushTarget, payload: bytes, key: EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """Encrypt *payload* to a browser; *key* and *salt* must both be new (RFC 8291, section 3)."""
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(_ECDH, _public_key(target.p256dh))
    info = b"WebPush: info\0" + target.p256dh + point
    secret = HKDF.extract(_SHA256, salt, HKDF(_SHA256, 32, target.auth, info).derive(shared))
    content_key = HKDFExpand(_SHA256, 16, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDFExpand(_SHA256, 12, b"Content-Encoding: nonce\0").derive(secret)
    return salt + _SIZES + point + AESGCM(content_key).encrypt(nonce, payload + _LAST, None)


@lru_cache(_KEYS_KEPT)
def _public_key(point: bytes) -> EllipticCurvePublicKey:
    return EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
