"""Keys as people say them: an address is 32 bytes with exactly one text."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.protocol.errors import BadSignature
from app.protocol.limits import ADDRESS_BYTES, ENCRYPTION_KEY_BYTES, SIGNATURE_BYTES

_FIELD = 2**255 - 19
_SIGN_BIT = 2**255


def decode(text: str, length: int | None = None) -> bytes:
    """Return the bytes of canonical, padded standard base64 (RFC 4648, section 4).

    Raise `ValueError` for any other spelling, or when there are not exactly *length* bytes.
    """
    try:
        raw = b64decode(text.encode(), validate=True)
    except ValueError:
        raise ValueError("is not padded standard base64") from None
    if b64encode(raw).decode() != text:
        raise ValueError("is not in canonical base64")
    if length is not None and len(raw) != length:
        raise ValueError(f"must be {length} bytes, not {len(raw)}")
    return raw


@dataclass(frozen=True, slots=True)
class Address:
    """A person: an Ed25519 public key (RFC 8032). Built by `parse` or `of`, so it is never a weak one."""

    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Take 32 bytes. Raise `ValueError` if nobody can own them alone (small order, not canonical)."""
        if len(raw) != ADDRESS_BYTES:
            raise ValueError(f"must be {ADDRESS_BYTES} bytes, not {len(raw)}")
        if _is_weak_point(raw):
            raise ValueError("is not a key that one person can own")
        return cls(raw)

    @classmethod
    def parse(cls, text: object) -> Self:
        """Take canonical base64. Raise `ValueError` with what is wrong."""
        return cls.of(decode(_require_text(text), ADDRESS_BYTES))

    @property
    def text(self) -> str:
        """The one text of this address: padded standard base64, 44 characters."""
        return b64encode(self.raw).decode()

    def verify(self, text: str, signature: bytes) -> None:
        """Raise `BadSignature` unless this address signed exactly *text* (RFC 8032, section 5.1.7, strict).

        Stricter than OpenSSL, which takes small-order points: R may not be one, nor be spelled unusually.
        """
        if len(signature) != SIGNATURE_BYTES or _is_weak_point(signature[:32]):
            raise BadSignature
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text.encode())
        except InvalidSignature:
            raise BadSignature from None

    def __repr__(self) -> str:
        return f"Address({self.text[:6]}…)"


def parse_encryption_key(text: object) -> bytes:
    """Return an X25519 public key (RFC 7748). Raise `ValueError` for one of low order."""
    raw = decode(_require_text(text), ENCRYPTION_KEY_BYTES)
    if int.from_bytes(raw, "little") % _SIGN_BIT in _X25519_LOW_ORDER:
        raise ValueError("is a key of low order, which hides nothing")
    return raw


def _require_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def _is_weak_point(raw: bytes) -> bool:
    """Tell whether an encoded Edwards point has small order, or a y that is not below p."""
    y = int.from_bytes(raw, "little") % _SIGN_BIT
    return y >= _FIELD or y in _ED25519_SMALL_ORDER


# The y coordinates of the eight points of small order, whatever the sign bit: y of order 1, 2, 4 and 8.
_Y_OF_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_ED25519_SMALL_ORDER = frozenset({1, _FIELD - 1, 0, _Y_OF_ORDER_8, _FIELD - _Y_OF_ORDER_8})

# The u coordinates whose shared secret is zero (https://cr.yp.to/ecdh.html#validate), the unreduced ones too.
_X25519_LOW_ORDER = frozenset(
    {
        0,
        1,
        0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
        0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
        _FIELD - 1,
        _FIELD,
        _FIELD + 1,
    }
)
