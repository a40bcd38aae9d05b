"""VAPID (RFC 8292): the server's keys and their signed tokens."""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from app.limits.bounded_map import BoundedMap
from app.push.special_use_domains import special_use_label

# RFC 8292, section 2: at most 24 h by their clock. Half of it leaves room for clocks that differ.
TOKEN_LIFE_S = 12 * 60 * 60

# The browsers have about ten push services; with self-hosted ones there may be many.
MAX_TOKENS = 1024

# Enough of a public key's text to know it by: an operator sees it in /config and in the table.
ID_CHARACTERS = 8

_SCALAR_BYTES = 32

# A mailbox or a page at a domain; py_vapid's own check knows no paths. A mailbox has only characters that
# need no quoting in a URI.
_DOMAIN = r"((?:[A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]+)"
_SUBJECT = re.compile(
    rf"mailto:[A-Za-z0-9.!#$&'*+/=^_`{{|}}~-]+@{_DOMAIN}|https://{_DOMAIN}(?::[0-9]+)?(?:[/?][!-~]*)?"
)
# Names of documents, ours too: push services take them, but can't reach the operator there.
_PLACEHOLDER = re.compile(r"(?:.*\.)?(?:example(?:\.(?:com|net|org))?|your\.domain)")
_CONF = {"no-strict": True}


class InvalidVapidKey(ValueError):
    """Text that is not a VAPID private key."""


class InvalidVapidSubject(ValueError):
    """Subject that push services would refuse."""


class VapidKey:
    """P-256 key pair. As text: the private scalar, 32 bytes in unpadded base64url, 43 characters."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> Self:
        """Make a new pair."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take the text of a private key. Raise `InvalidVapidKey` if it is none."""
        try:
            scalar = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if len(scalar) != _SCALAR_BYTES or _encode_unpadded(scalar) != text.rstrip("="):
                raise ValueError
            return cls(ec.derive_private_key(int.from_bytes(scalar), ec.SECP256R1()))
        except ValueError:
            raise InvalidVapidKey("not 32 bytes of base64url that `whisper vapid` printed") from None

    @property
    def private_text(self) -> str:
        """The private key, as `parse` takes it. A secret."""
        return _encode_unpadded(self._key.private_numbers().private_value.to_bytes(_SCALAR_BYTES))

    @property
    def public_text(self) -> str:
        """The public key as browsers want it (`applicationServerKey`): 65 bytes in unpadded base64url."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return _encode_unpadded(point)

    @property
    def id(self) -> str:
        """Key id, as it is stored with a subscription: the beginning of the public text."""
        return self.public_text[:ID_CHARACTERS]

    def derive(self, purpose: str) -> bytes:
        """Return another secret of 32 bytes, which *purpose* alone knows."""
        return hmac.digest(self.private_text.encode(), f"whisper {purpose}".encode(), "sha256")

    def sign(self, claims: dict[str, str | int]) -> str:
        """Return the value of an Authorization header with *claims* (RFC 8292, section 3)."""
        return cast("str", Vapid02(self._key, _CONF).sign(claims)["Authorization"])


def parse_keys(text: str) -> list[VapidKey]:
    """Take private keys separated by commas, newest first. Raise `InvalidVapidKey` if one of them is none."""
    return [VapidKey.parse(part.strip()) for part in text.split(",")]


def check_subject(subject: str, *, for_browsers: bool) -> None:
    """Raise `InvalidVapidSubject` unless push services would take *subject* (RFC 8292, section 2.1).

    *for_browsers*: also not a name of special use; with one, Apple answers 403 to every message.
    """
    domain = _domain_of(subject)
    if domain is None:
        raise InvalidVapidSubject("the subject must be mailto:you@your.domain or https://your.domain")
    label = special_use_label(domain)
    if for_browsers and label and not is_placeholder(subject):
        raise InvalidVapidSubject(
            f"names that end in .{label} are reserved, nobody can reach you there: push services refuse them"
        )


def is_placeholder(subject: str) -> bool:
    """Tell whether *subject* is at a domain that stands for the operator's own in documents."""
    domain = _domain_of(subject)
    return domain is not None and _PLACEHOLDER.fullmatch(domain.lower()) is not None


def _domain_of(subject: str) -> str | None:
    found = _SUBJECT.fullmatch(subject)
    return (found[1] or found[2]) if found else None


@dataclass(frozen=True, slots=True)
class Token:
    """Authorization header for one push service; *issued_at* in ms."""

    header: str
    issued_at: int


class VapidSigner:
    """VAPID identity: one signed token for each push service, kept until half its life."""

    def __init__(self, key: VapidKey, subject: str) -> None:
        self.key = key
        self.id = key.id
        self._subject = subject
        self._tokens: BoundedMap[str, Token] = BoundedMap(MAX_TOKENS)

    def token(self, origin: str, now: int) -> Token:
        """Return the token for the push service at *origin*; *now* in ms."""
        token = self._tokens.get(origin)
        if token is None or now >= token.issued_at + TOKEN_LIFE_S * 1000 // 2:
            expires_s = now // 1000 + TOKEN_LIFE_S
            signed = self.key.sign({"aud": origin, "exp": expires_s, "sub": self._subject})
            token = Token(signed, now)
        self._tokens.put(origin, token)  # again, so that the one used longest ago is evicted
        return token


class Keyring:
    """VAPID identities of the server, newest first.

    A browser binds its subscription to the key that it was given. So an older key goes on signing for those
    who came with it, until they subscribe again.
    """

    def __init__(self, identities: Sequence[VapidSigner]) -> None:
        self._identities = list(identities)
        self.newest, self.oldest = self._identities[0], self._identities[-1]

    @property
    def keys(self) -> list[VapidKey]:
        """The keys themselves, newest first."""
        return [identity.key for identity in self._identities]

    def for_key(self, key_id: str | None) -> list[VapidSigner]:
        """Return the identities in the order to try them for a subscription that came with *key_id*.

        `None` is a row from before keys had ids: it came with the oldest, most likely.
        """
        if len(self._identities) == 1:
            return self._identities
        likely = self.oldest if key_id is None else self.newest
        first = next((each for each in self._identities if each.id == key_id), likely)
        return [first, *(each for each in self._identities if each is not first)]


def _encode_unpadded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
