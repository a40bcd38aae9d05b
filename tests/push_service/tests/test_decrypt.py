"""Decryption of sealed messages by their receiver, and by nobody else."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.push_service.crypto import base64url
from tests.push_service.crypto.decrypt import BadMessageError, decrypt, unpad

VECTORS = Path(__file__).parents[2] / "vectors" / "rfc" / "rfc8291-appendix-a.json"
VECTOR = json.loads(VECTORS.read_text())
BODY = base64url.decode(VECTOR["body"])
AUTH = base64url.decode(VECTOR["auth_secret"])
PRIVATE_KEY = ec.derive_private_key(int.from_bytes(base64url.decode(VECTOR["ua_private"])), ec.SECP256R1())


def flipped(body: bytes, index: int) -> bytes:
    """Change one bit of *body*."""
    return bytes([*body[:index], body[index] ^ 1, *body[index + 1 :]])


def test_the_example_of_the_rfc_opens() -> None:
    """RFC 8291 appendix A gives every byte of a message and its plaintext."""
    plaintext = decrypt(BODY, PRIVATE_KEY, AUTH)

    assert plaintext.decode() == VECTOR["plaintext_utf8"]


@pytest.mark.parametrize("index", [0, 19, 30, 90, len(BODY) - 1])
def test_a_changed_message_does_not_open(index: int) -> None:
    """Salt, record size, sender's key, ciphertext and tag are all bound."""
    changed = flipped(BODY, index) if index != 19 else BODY[:16] + bytes(4) + BODY[20:]

    with pytest.raises(BadMessageError):
        decrypt(changed, PRIVATE_KEY, AUTH)


@pytest.mark.parametrize("length", [86, 90, len(BODY) - 1])
def test_a_message_cut_short_does_not_open(length: int) -> None:
    """Not even one that is cut down to its header."""
    with pytest.raises(BadMessageError):
        decrypt(BODY[:length], PRIVATE_KEY, AUTH)


def test_a_message_for_another_receiver_does_not_open() -> None:
    """The receiver's secret is part of the key."""
    with pytest.raises(BadMessageError):
        decrypt(BODY, PRIVATE_KEY, bytes(16))


def test_padding_is_taken_off() -> None:
    """Zeros after the delimiter hide how long a message is."""
    assert unpad(b"hello\0\x02\0\0\0") == b"hello\0"


@pytest.mark.parametrize("padded", [b"", b"\0\0", b"hello", b"hello\x01"])
def test_a_record_that_is_not_the_last_is_no_message(padded: bytes) -> None:
    """The delimiter of a last record is 2 (RFC 8188 section 2)."""
    with pytest.raises(BadMessageError):
        unpad(padded)
