"""Keys on P-256, the curve of Web Push: points of 65 bytes, uncompressed (RFC 8291 section 2.1)."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.push_service.crypto import base64url


def read_key(text: str) -> ec.EllipticCurvePublicKey:
    """Return the key whose point *text* spells in unpadded base64url; raise `ValueError` when it is none."""
    return public_key(base64url.decode(text))


def public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    """Return the key at *point*; raise `ValueError` unless it is uncompressed and on the curve."""
    if point[:1] != b"\x04":
        raise ValueError("not an uncompressed point")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the point of *key*, uncompressed."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
