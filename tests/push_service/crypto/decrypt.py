"""Decryption of a push message (RFC 8291); pure, and not with the library that senders seal with."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.push_service.crypto import p256


class BadMessageError(Exception):
    """The message was not sealed to this receiver, or was changed on its way."""


def decrypt(body: bytes, private_key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """Return the plaintext sealed to *private_key* and *auth*; raise `BadMessageError` when it does not open.

    One record only, as RFC 8291 section 4 has it.
    """
    salt, record_size, sender, record = body[:16], int.from_bytes(body[16:20]), body[21:86], body[86:]
    if len(record) > record_size:
        raise BadMessageError("more than one record")
    try:
        shared = private_key.exchange(ec.ECDH(), p256.public_key(sender))
        secret = derive(
            shared, auth, b"WebPush: info\0" + p256.point_of(private_key.public_key()) + sender, 32
        )
        key = derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derive(secret, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, record, None)
    except (ValueError, InvalidTag):
        raise BadMessageError("it does not open") from None
    return unpad(padded)


def derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """Derive *length* bytes from *secret* (HKDF-SHA256)."""
    return HKDF(SHA256(), length, salt, info).derive(secret)


def unpad(padded: bytes) -> bytes:
    """Return what stands before the delimiter of a last record (RFC 8188 section 2)."""
    text = padded.rstrip(b"\0")
    if not text.endswith(b"\x02"):
        raise BadMessageError("no delimiter of a last record")
    return text[:-1]
