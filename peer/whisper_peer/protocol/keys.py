"""Ed25519 addresses and X25519 encryption keys, in canonical base64."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from whisper_peer.errors import BadSignature

KEY_BYTES = 32  # RFC 8032, section 5.1.5; RFC 7748, section 5
SIGNATURE_BYTES = 64  # RFC 8032, section 5.1.6

_FIELD = 2**255 - 19
_Y_BITS = 2**255 - 1  # of a point's 256 bits; the highest is the sign of x
_Y_OF_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826

# The y of the eight points of small order, whose "signatures" hold for many texts.
_SMALL_ORDER_Y = {0, 1, _FIELD - 1, _Y_OF_ORDER_8, _FIELD - _Y_OF_ORDER_8}

# Any private key is a multiple of 8: with a public key of low order each gives the zero secret.
_PROBE = X25519PrivateKey.from_private_bytes(bytes(KEY_BYTES))


def decode(text: str, length: int | None = None) -> bytes:
    """Return the bytes of padded standard base64 (RFC 4648, section 4) in its one canonical spelling.

    Raise `ValueError` for anything else, or when there are not exactly *length* bytes.
    """
    raw = b64decode(text, validate=True)
    if b64encode(raw).decode() != text:
        raise ValueError("is not in canonical base64")
    if length is not None and len(raw) != length:
        raise ValueError(f"must be {length} bytes, not {len(raw)}")
    return raw


@dataclass(frozen=True, slots=True)
class Address:
    """Ed25519 public key (RFC 8032) that identifies a peer. Built by `parse` or `of`: never a weak key."""

    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Take 32 bytes. Raise `ValueError` if the point is of small order or not canonically encoded."""
        if len(raw) != KEY_BYTES:
            raise ValueError(f"must be {KEY_BYTES} bytes, not {len(raw)}")
        if _is_weak(raw):
            raise ValueError("is not a key that one person can own")
        return cls(raw)

    @classmethod
    def parse(cls, text: object) -> Self:
        """Take canonical base64. Raise `ValueError` with what is wrong."""
        return cls.of(decode(_require_text(text), KEY_BYTES))

    @property
    def text(self) -> str:
        """Canonical base64, 44 characters."""
        return b64encode(self.raw).decode()

    def verify(self, text: bytes, signature: bytes) -> None:
        """Raise `BadSignature` unless this key signed exactly *text* (RFC 8032, section 5.1.7, strict).

        OpenSSL refuses S beyond the order, but believes points of small order: those are refused here.
        """
        if len(signature) != SIGNATURE_BYTES or _is_weak(signature[:KEY_BYTES]):
            raise BadSignature("the signature is not the sender's")
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text)
        except (InvalidSignature, ValueError):
            raise BadSignature("the signature is not the sender's") from None

    def __repr__(self) -> str:
        return f"Address({self.text[:6]}…)"


def parse_encryption_key(text: object) -> bytes:
    """Return an X25519 public key (RFC 7748). Raise `ValueError` for one of low order."""
    raw = decode(_require_text(text), KEY_BYTES)
    try:
        _PROBE.exchange(X25519PublicKey.from_public_bytes(raw))
    except ValueError:
        raise ValueError("is a key of low order, which hides nothing") from None
    return raw


def _require_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def _is_weak(point: bytes) -> bool:
    y = int.from_bytes(point, "little") & _Y_BITS
    return y >= _FIELD or y in _SMALL_ORDER_Y
