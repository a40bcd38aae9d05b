"""Crypto baseline: CPU time of the cryptography of one relayed call, on this machine, now.

A signature to verify (RFC 8032), a key pair and a shared secret (RFC 8291, section 3.1), a content key and a
nonce (section 3.4, both derivations), a payload to encrypt (RFC 8188). All on `cryptography`: it measures
the machine, and does not move when the server takes another library for a step.
"""

import hmac
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ITERATIONS = 2000  # a third of a second
BATCHES = 8  # the median batch counts: a neighbour's cache misses are not the cryptography's

SIGNED_BYTES = 800  # between a dial and an offer
PLAINTEXT_BYTES = 1200
_CURVE = ec.SECP256R1()


def measure(iterations: int = ITERATIONS) -> float:
    """Return the seconds of CPU for the cryptography of one call."""
    return sum(_cpu(step, iterations) for step in _steps().values())


def measure_steps(iterations: int = ITERATIONS) -> dict[str, float]:
    """Return the seconds of CPU for each step of it."""
    return {name: _cpu(step, iterations) for name, step in _steps().items()}


def _cpu(step: Callable[[], object], iterations: int) -> float:
    size = iterations // BATCHES
    batches = sorted(_batch(step, size) for _ in range(BATCHES))
    return batches[BATCHES // 2] / size


def _batch(step: Callable[[], object], size: int) -> float:
    began = time.process_time()
    for _ in range(size):
        step()
    return time.process_time() - began


@dataclass(frozen=True, slots=True)
class _Call:
    """A signed text, as it is received."""

    sender: bytes
    text: bytes
    signature: bytes


def _signed_call() -> _Call:
    key = Ed25519PrivateKey.generate()
    text = os.urandom(SIGNED_BYTES)
    return _Call(key.public_key().public_bytes_raw(), text, key.sign(text))


def _steps() -> dict[str, Callable[[], object]]:
    call = _signed_call()
    ours = ec.generate_private_key(_CURVE)
    theirs = ec.generate_private_key(_CURVE).public_key()
    secret, salt, point = os.urandom(32), os.urandom(16), os.urandom(130)
    key, nonce, plaintext = os.urandom(16), os.urandom(12), os.urandom(PLAINTEXT_BYTES)
    return {
        "Ed25519 verify": lambda: Ed25519PublicKey.from_public_bytes(call.sender).verify(
            call.signature, call.text
        ),
        "P-256 key": lambda: (
            ec.generate_private_key(_CURVE)
            .public_key()
            .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        ),
        "ECDH": lambda: ours.exchange(ec.ECDH(), theirs),
        "HKDF": lambda: _derive(secret, salt, point),
        "AES-GCM": lambda: AESGCM(key).encrypt(nonce, plaintext, None),
    }


def _derive(secret: bytes, salt: bytes, point: bytes) -> tuple[bytes, bytes]:
    """RFC 8291, section 3.4: each HKDF (RFC 5869) is one block, an HMAC."""
    mixed = hmac.digest(salt, secret, "sha256")
    ikm = hmac.digest(mixed, b"WebPush: info\0" + point + b"\1", "sha256")
    prk = hmac.digest(salt, ikm, "sha256")
    key = hmac.digest(prk, b"Content-Encoding: aes128gcm\0\1", "sha256")
    return key[:16], hmac.digest(prk, b"Content-Encoding: nonce\0\1", "sha256")[:12]
