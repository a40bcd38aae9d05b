"""Forged signatures that need no secret: a verifier that takes points of small order takes them."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.vector_files import vectors

# Points of small order; those that are spelled unusually are no R that OpenSSL computes, and never match.
SMALL_ORDER = [bytes.fromhex(point) for point in vectors("ed25519_points.json")["small_order"]]


def forged(key: bytes, text: bytes) -> bytes | None:
    """Return a signature of *text* that OpenSSL takes under a *key* of small order, if there is one.

    S is 0, so that R must be the negative of A times the hash: one of eight points, by chance.
    """
    for point in SMALL_ORDER:
        signature = point + bytes(32)
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
        except InvalidSignature:
            continue
        return signature
    return None
