"""Ed25519 addresses and X25519 keys: canonical base64, strict verification (RFC 8032, RFC 7748)."""

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from app.protocol.constants import ADDRESS_BYTES, ENCRYPTION_KEY_BYTES, SIGNATURE_BYTES
from app.protocol.errors import BadSignature

_FIELD = 2**255 - 19
_SIGN_BIT = 2**255  # of an Edwards point's encoding; X25519 overlooks it


# The characters before the padding whose bits that are left over are zero, by the bytes in the last group.
_CANONICAL_LAST = ("", "AQgw", "AEIMQUYcgkosw048")


def decode(text: object, length: int | None = None) -> bytes:
    """Return the bytes of canonical, padded standard base64 (RFC 4648, section 4).

    Raise `ValueError` for any other spelling or type, or when there are not exactly *length* bytes.
    """
    if not isinstance(text, str):
        raise ValueError("must be text")
    try:
        raw = a2b_base64(text, strict_mode=True)
    except ValueError:
        raise ValueError("is not padded standard base64") from None
    in_last = len(raw) % 3  # bytes in the last four characters: of one or two, bits are left over
    if len(text) != (len(raw) + 2) // 3 * 4 or (
        in_last and text[in_last - 4] not in _CANONICAL_LAST[in_last]
    ):
        raise ValueError("is not in canonical base64")
    if length is not None and len(raw) != length:
        raise ValueError(f"must be {length} bytes, not {len(raw)}")
    return raw


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a person: an Ed25519 public key (RFC 8032). `parse` and `of` never make a weak one."""

    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Take 32 bytes. Raise `ValueError` for a key of small order, or one that is not canonical."""
        if len(raw) != ADDRESS_BYTES:
            raise ValueError(f"must be {ADDRESS_BYTES} bytes, not {len(raw)}")
        if raw in _ED25519_WEAK:
            raise ValueError("is not a key that one person can own")
        return cls(raw)

    @classmethod
    def parse(cls, text: object) -> Self:
        """Take canonical base64. Raise `ValueError` with what is wrong."""
        return cls.of(decode(text, ADDRESS_BYTES))

    @property
    def text(self) -> str:
        """The one text of this address: padded standard base64, 44 characters."""
        return b64encode(self.raw).decode()

    def verify(self, text: str, signature: bytes) -> None:
        """Raise `BadSignature` unless this address signed exactly *text* (RFC 8032, section 5.1.7, strict).

        What is weak is refused here, whatever the library would do: R may be no small-order point, nor be
        spelled unusually.
        """
        if len(signature) != SIGNATURE_BYTES or signature[:32] in _ED25519_WEAK:
            raise BadSignature
        try:
            crypto_sign_open(signature + text.encode(), self.raw)
        except BadSignatureError:
            raise BadSignature from None

    def __repr__(self) -> str:
        return f"Address({self.text[:6]}…)"


def parse_encryption_key(text: object) -> bytes:
    """Return an X25519 public key (RFC 7748). Raise `ValueError` for one of low order."""
    raw = decode(text, ENCRYPTION_KEY_BYTES)
    if raw in _X25519_LOW_ORDER:
        raise ValueError("is a key of low order, which hides nothing")
    return raw


def _encodings(coordinates: Iterable[int]) -> frozenset[bytes]:
    """Return the 32 bytes of each coordinate, with the highest bit clear and set."""
    return frozenset((each | bit).to_bytes(32, "little") for each in coordinates for bit in (0, _SIGN_BIT))


# Points that nobody owns alone, the eight of small order, by their y: of order 1, 2, 4 and 8. And every y
# that is not below p, so that a point has one spelling.
_Y_OF_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = (1, _FIELD - 1, 0, _Y_OF_ORDER_8, _FIELD - _Y_OF_ORDER_8)
_ED25519_WEAK = _encodings([*_SMALL_ORDER, *range(_FIELD, _SIGN_BIT)])

# The u coordinates whose shared secret is zero (https://cr.yp.to/ecdh.html#validate), the unreduced ones too.
_X25519_LOW_ORDER = _encodings(
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
