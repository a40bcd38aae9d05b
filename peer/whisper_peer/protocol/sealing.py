"""End-to-end encryption of payloads and messages, which the server never sees.

X25519 (RFC 7748); HKDF-SHA256 (RFC 5869), whose info names both addresses and encryption keys; AES-256-GCM
with the method as additional data. Sealed is format byte | 12-byte nonce | ciphertext and tag; base64 where
it is text.
"""

import json
import math
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

from whisper_peer.errors import BrokenSeal
from whisper_peer.protocol.keys import Address, decode

NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1
KEY_BYTES = 32  # AES-256
_HEADER_BYTES = 1 + NONCE_BYTES

# A few kB of SDP never needs more; a bomb of DEFLATE would.
MAX_JSON_BYTES = 64 * 1024

_RAW_DEFLATE = -zlib.MAX_WBITS  # no zlib header, no checksum: the tag is better


class Format(IntEnum):
    """Encoding of sealed JSON: the first byte."""

    PLAIN = 1
    DEFLATED = 2
    MORE = 3  # a part of it, see `whisper_peer.channels.fragments`
    LAST = 4  # its last part


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a connection."""

    address: Address
    encryption_key: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """AES keys of a connection, one for each direction."""

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
    plain = to_json(value)
    if len(plain) > MAX_JSON_BYTES:
        raise ValueError(f"{len(plain)} bytes of JSON are too many, {MAX_JSON_BYTES} can be sealed")
    deflated = deflate(plain)
    written = (Format.DEFLATED, deflated) if len(deflated) < len(plain) else (Format.PLAIN, plain)
    return b64encode(encrypt(method, *written, key)).decode()


def unseal(method: str, sealed: str, key: bytes) -> object:
    """Return the JSON value that was sealed as *method* with *key*. Raise `BrokenSeal` for anything else."""
    return parse_json(open_sealed(method, sealed, key))


def open_sealed(method: str, sealed: str, key: bytes) -> bytes:
    """Return the JSON text that was sealed as *method* with *key*. Raise `BrokenSeal` for anything else."""
    try:
        return _plain(*decrypt(method, decode(sealed), key))
    except (ValueError, zlib.error):
        raise BrokenSeal("the payload was not sealed for this") from None


def encrypt(method: str, form: Format, content: bytes, key: bytes, nonce: bytes | None = None) -> bytes:
    """Return *content*, JSON written in *form*, sealed with a new nonce; a given one is never used twice."""
    nonce = nonce or os.urandom(NONCE_BYTES)
    return bytes([form]) + nonce + AESGCM(key).encrypt(nonce, content, method.encode())


def decrypt(method: str, raw: bytes, key: bytes) -> tuple[Format, bytes]:
    """Return what `encrypt` was given. Raise `BrokenSeal` for anything else."""
    try:
        plain = AESGCM(key).decrypt(raw[1:_HEADER_BYTES], raw[_HEADER_BYTES:], method.encode())
        return Format(raw[0]), plain
    except (ValueError, InvalidTag):
        raise BrokenSeal("this was not sealed for us") from None


def to_json(value: object) -> bytes:
    """Return *value* as it is sealed. Raise `ValueError` if it is no JSON."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def parse_json(plain: bytes) -> object:
    """Return the value that *plain* is the JSON of. Raise `BrokenSeal` if it is none.

    Nor is what `to_json` would refuse: a number beyond all floats, or half of a surrogate pair.
    """
    try:
        value: object = json.loads(plain.decode(), parse_constant=_no_constant, parse_float=_finite)
        if b"\\u" in plain:  # only an escape can be half a pair
            to_json(value)
    except (ValueError, RecursionError):
        raise BrokenSeal("what was sealed is no JSON") from None
    return value


def deflate(plain: bytes) -> bytes:
    """Return raw DEFLATE (RFC 1951) of *plain*."""
    packer = zlib.compressobj(wbits=_RAW_DEFLATE)
    return packer.compress(plain) + packer.flush()


def _plain(form: Format, content: bytes) -> bytes:
    match form:
        case Format.PLAIN:
            return content
        case Format.DEFLATED:
            return _inflate(content)
        case _:
            raise ValueError("a part is no whole value")


def _inflate(content: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=_RAW_DEFLATE)
    plain = unpacker.decompress(content, MAX_JSON_BYTES)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("not one whole stream of at most 64 KiB")
    return plain


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no number of a float's range")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
