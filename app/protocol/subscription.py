"""Push subscription of a browser (Push API, RFC 8030, RFC 8291): endpoint, expiration, keys."""

import re
from base64 import b64decode
from functools import lru_cache
from typing import Annotated, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from app.protocol.constants import AUTH_BYTES, MAX_ENDPOINT_BYTES, MAX_INTEGER, P256DH_BYTES

# One grammar that every URL parser reads alike: lower-case LDH host, RFC 3986 path and query, nothing else.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PCHAR = r"A-Za-z0-9._~!$&'()*+,;=:@/-"
_ENCODED = "%[0-9A-Fa-f]{2}"
_ENDPOINT = re.compile(
    rf"(?P<origin>(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[1-9][0-9]{{0,4}}))?)"
    rf"(?P<path>/(?:[{_PCHAR}]++|{_ENCODED})*+)(?:\?(?:[?{_PCHAR}]++|{_ENCODED})*+)?"
)
_DOT_SEGMENT = re.compile(r"/(?:\.|%2[eE]){1,2}(?:/|$)")
_DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65535
UNCOMPRESSED = 0x04  # SEC 1, section 2.3.3
_ORIGINS_KEPT = 256  # push services are few, and each call reads an endpoint
_MAX_HOST_BYTES = 253  # RFC 1035, section 2.3.4, as text


class Endpoint(NamedTuple):
    """URL of a push resource (RFC 8030). A secret: whoever has it can send to it."""

    url: str
    scheme: str
    host: str
    port: int
    authority: str  # host and, unless it is the scheme's own, port
    target: str  # path and query
    origin: str  # scheme and authority (RFC 6454, RFC 8292)

    @classmethod
    def parse(cls, url: object) -> Self:
        """Take a URL of the strict grammar. Raise `ValueError` for any other; the host is not judged here."""
        if not isinstance(url, str) or len(url) > MAX_ENDPOINT_BYTES:
            raise ValueError(f"must be text of at most {MAX_ENDPOINT_BYTES} bytes")
        found = _ENDPOINT.fullmatch(url)
        if found is None or len(found["host"]) > _MAX_HOST_BYTES or _DOT_SEGMENT.search(found["path"]):
            raise ValueError("is not a plain https URL of a push service")
        endpoint = cls.from_trusted(url)
        if endpoint.port > MAX_PORT:
            raise ValueError("is not a plain https URL of a push service: there is no such port")
        return endpoint

    @classmethod
    def from_trusted(cls, url: str) -> Self:
        """Take the URL of an endpoint that was parsed before, without checking it again."""
        path_at = url.index("/", len("https://"))  # a host has a character at least
        scheme, host, port, authority, origin = _split_origin(url[:path_at])
        return cls(url, scheme, host, port, authority, url[path_at:], origin)

    def __repr__(self) -> str:
        return f"Endpoint({self.origin}/…)"


@lru_cache(_ORIGINS_KEPT)
def _split_origin(text: str) -> tuple[str, str, int, str, str]:
    """Return the scheme, host, port, authority and origin in the *text* before an endpoint's path."""
    scheme, _, authority = text.partition("://")
    host, _, digits = authority.partition(":")
    port = int(digits or _DEFAULT_PORTS[scheme])
    authority = host if port == _DEFAULT_PORTS[scheme] else authority
    return scheme, host, port, authority, f"{scheme}://{authority}"


def parse_p256dh(text: object) -> bytes:
    """Return the browser's P-256 public key, 65 bytes. Raise `ValueError` for a point not on the curve."""
    raw = _decode_either(text, P256DH_BYTES)
    try:
        if raw[0] != UNCOMPRESSED:
            raise ValueError
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)
    except ValueError:
        raise ValueError("is not an uncompressed point on P-256") from None
    return raw


def parse_auth(text: object) -> bytes:
    """Return the browser's authentication secret, 16 bytes."""
    return _decode_either(text, AUTH_BYTES)


# Browsers differ: unpadded base64url from toJSON(), padded standard base64 from other clients.
_EITHER = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_URL_TO_STANDARD = str.maketrans("-_", "+/")


def _decode_either(text: object, length: int) -> bytes:
    if not isinstance(text, str) or not _EITHER.fullmatch(text):
        raise ValueError("is not base64")
    bare = text.rstrip("=").translate(_URL_TO_STANDARD)
    padded = bare + "=" * (-len(bare) % 4)
    try:
        raw = b64decode(padded, validate=True)
    except ValueError:
        raise ValueError("is not base64") from None
    if len(raw) != length:
        raise ValueError(f"must be {length} bytes, not {len(raw)}")
    return raw


class PushTarget(NamedTuple):
    """Endpoint and keys of one browser: where a message goes, and what it is encrypted to (RFC 8291)."""

    endpoint: Endpoint
    p256dh: bytes  # P-256 public key, 65 bytes, uncompressed
    auth: bytes  # authentication secret, 16 bytes


Milliseconds = Annotated[int, Field(ge=0, le=MAX_INTEGER)]

# Values of the wire: strict, closed, frozen; and no exception of theirs repeats what came in.
FROZEN = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class SubscriptionKeys(BaseModel):
    """Keys of a push subscription, in either base64 alphabet, with or without padding."""

    model_config = FROZEN

    p256dh: Annotated[
        bytes,
        PlainValidator(parse_p256dh),
        WithJsonSchema({"type": "string"}),
        Field(alias="a", description="`p256dh`: the browser's P-256 public key, 65 bytes, uncompressed."),
    ]
    auth: Annotated[
        bytes,
        PlainValidator(parse_auth),
        WithJsonSchema({"type": "string"}),
        Field(alias="b", description="`auth`: the browser's authentication secret, 16 bytes."),
    ]


class Subscription(BaseModel):
    """A browser's push subscription (`PushSubscription.toJSON()`, with short names)."""

    model_config = FROZEN

    endpoint: Annotated[
        Endpoint,
        PlainValidator(Endpoint.parse),
        WithJsonSchema({"type": "string", "format": "uri", "maxLength": 1024}),
        Field(alias="a", description="`endpoint`: where the push service takes messages; https."),
    ]
    expires_at: Annotated[
        Milliseconds | None,
        Field(alias="b", description="`expirationTime`: ms since the Unix epoch, or null."),
    ] = None
    keys: Annotated[SubscriptionKeys, Field(alias="c", description="`keys` of the subscription.")]

    @property
    def target(self) -> PushTarget:
        """The endpoint and keys, as they are stored and sent to."""
        return PushTarget(self.endpoint, self.keys.p256dh, self.keys.auth)
