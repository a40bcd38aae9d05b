"""End-to-end sealing: what two peers say to each other and the server never sees.

X25519 (RFC 7748); HKDF-SHA256 (RFC 5869), whose info names both addresses and encryption keys; AES-256-GCM
with the method as additional data. Sealed is base64(format byte | 12-byte nonce | ciphertext and tag).
"""

import json
import os
import zlib
from base64 import b64encode
from dataclasses import dataclass
from enum import IntEnum
from typing import NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.protocol.keys import Address, decode
from tests.peer.errors import BrokenSeal

NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1
KEY_BYTES = 32  # AES-256
_HEADER_BYTES = 1 + NONCE_BYTES

# A few kB of SDP never needs more; a bomb of DEFLATE would.
MAX_JSON_BYTES = 64 * 1024

_RAW_DEFLATE = -zlib.MAX_WBITS  # no zlib header, no checksum: the tag is better


class Format(IntEnum):
    """The first byte of a sealed payload: how the JSON is written."""

    PLAIN = 1
    DEFLATED = 2


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a connection."""

    address: Address
    encryption_key: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """The two AES keys of a connection: one a direction."""

    outgoing: bytes
    incoming: bytes

    @classmethod
    def agree(cls, private: X25519PrivateKey, me: Party, them: Party) -> Self:
        """Return the keys of *me*, who holds *private*, with *them*. Raise `BrokenSeal` if theirs is weak."""
        secret = shared_secret(private, them.encryption_key)
        return cls(outgoing=direction_key(secret, me, them), incoming=direction_key(secret, them, me))


def shared_secret(private: X25519PrivateKey, public: bytes) -> bytes:
    """Return the X25519 shared secret. Raise `BrokenSeal` if it is zero (RFC 7748, section 6.1)."""
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:  # OpenSSL refuses the zero
        raise BrokenSeal("the shared secret is zero") from None


def direction_key(secret: bytes, sender: Party, recipient: Party) -> bytes:
    """Return the AES key for what *sender* says to *recipient*."""
    info = b"whisper/1" + sender.address.raw + recipient.address.raw
    info += sender.encryption_key + recipient.encryption_key
    return HKDF(SHA256(), KEY_BYTES, salt=b"", info=info).derive(secret)


def seal(method: str, value: object, key: bytes) -> str:
    """Return the JSON *value* sealed as *method*, deflated when that is shorter.

    Raise `ValueError` if it is no JSON, or more than 64 KiB of it.
    """
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    if len(plain) > MAX_JSON_BYTES:
        raise ValueError(f"{len(plain)} bytes of JSON are too many, {MAX_JSON_BYTES} can be sealed")
    deflated = deflate(plain)
    written = (Format.DEFLATED, deflated) if len(deflated) < len(plain) else (Format.PLAIN, plain)
    return encrypt(method, *written, key, os.urandom(NONCE_BYTES))


def unseal(method: str, sealed: str, key: bytes) -> object:
    """Return the JSON value that was sealed as *method* with *key*. Raise `BrokenSeal` for anything else."""
    try:
        raw = decode(sealed)
        header, nonce, ciphertext = raw[0], raw[1:_HEADER_BYTES], raw[_HEADER_BYTES:]
        plain = AESGCM(key).decrypt(nonce, ciphertext, method.encode())
        return _read(Format(header), plain)
    except (ValueError, IndexError, InvalidTag, zlib.error, RecursionError):
        raise BrokenSeal("the payload was not sealed for this") from None


def encrypt(method: str, form: Format, content: bytes, key: bytes, nonce: bytes) -> str:
    """Return *content*, JSON written in *form*, sealed with exactly this nonce: never use one twice."""
    ciphertext = AESGCM(key).encrypt(nonce, content, method.encode())
    return b64encode(bytes([form]) + nonce + ciphertext).decode()


def deflate(plain: bytes) -> bytes:
    """Return raw DEFLATE (RFC 1951) of *plain*."""
    packer = zlib.compressobj(wbits=_RAW_DEFLATE)
    return packer.compress(plain) + packer.flush()


def _read(form: Format, content: bytes) -> object:
    plain = content if form is Format.PLAIN else _inflate(content)
    value: object = json.loads(plain.decode(), parse_constant=_no_constant)
    return value


def _inflate(content: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=_RAW_DEFLATE)
    plain = unpacker.decompress(content, MAX_JSON_BYTES)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("not one whole stream of at most 64 KiB")
    return plain


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
