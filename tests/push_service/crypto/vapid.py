"""VAPID verification: the Authorization header of RFC 8292. Pure."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import BaseModel, ConfigDict

from tests.push_service.crypto import base64url, p256
from tests.push_service.errors import ErrorCode, PushError

# Seconds; RFC 8292 section 2 lets no token live longer.
MAX_LIFE = 24 * 3600

# Bytes; ES256 is r and s, 32 bytes each (RFC 7518 section 3.4).
SIGNATURE = 64


class Header(BaseModel):
    """Header of a JWT: its algorithm."""

    model_config = ConfigDict(strict=True, frozen=True)

    alg: str


class Claims(BaseModel):
    """Claims of a token: its audience, its expiry in seconds, and a contact."""

    model_config = ConfigDict(strict=True, frozen=True)

    aud: str
    exp: int | float
    sub: str


def verify(authorization: str, *, origin: str, now: float) -> str:
    """Return the key, in unpadded base64url, that signed *authorization* for *origin* at *now*.

    Raise `PushError` unless the header, the ES256 signature and every claim hold (RFC 8292).
    """
    token, key = read_parameters(authorization)
    check_signature(token, read_key(key))
    check_claims(read_claims(token), origin, now)
    return key


def read_parameters(authorization: str) -> tuple[str, str]:
    """Return t and k of a `vapid t=..., k=...` header."""
    scheme, _, rest = authorization.partition(" ")
    pairs = [pair.strip().partition("=") for pair in rest.split(",")]
    parameters = {name: value for name, _, value in pairs}
    if scheme.lower() != "vapid" or len(parameters) < len(pairs) or not {"t", "k"} <= parameters.keys():
        raise PushError(ErrorCode.NO_AUTHORIZATION)
    return parameters["t"], parameters["k"]


def read_key(text: str) -> ec.EllipticCurvePublicKey:
    """Return the key that *text* spells."""
    try:
        return p256.read_key(text)
    except ValueError:
        raise PushError(ErrorCode.BAD_KEY) from None


def check_signature(token: str, key: ec.EllipticCurvePublicKey) -> None:
    """Raise `PushError` unless *key* signed *token* with ES256."""
    signed, _, spelled = token.rpartition(".")
    try:
        signature = base64url.decode(spelled)
    except ValueError:
        raise PushError(ErrorCode.BAD_TOKEN) from None
    if len(signature) != SIGNATURE:
        raise PushError(ErrorCode.BAD_TOKEN)
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise PushError(ErrorCode.BAD_SIGNATURE) from None


def read_claims(token: str) -> Claims:
    """Return the claims of a token whose header says ES256."""
    try:
        header, claims, _ = map(base64url.decode, token.split("."))
        algorithm = Header.model_validate_json(header).alg
        content = Claims.model_validate_json(claims)
    except ValueError:  # the wrong number of parts, or not base64url, or not such JSON
        raise PushError(ErrorCode.BAD_TOKEN) from None
    if algorithm != "ES256":
        raise PushError(ErrorCode.BAD_TOKEN)
    return content


def check_claims(claims: Claims, origin: str, now: float) -> None:
    """Raise `PushError` unless the claims are for *origin*, alive at *now*, and name a contact."""
    if claims.aud != origin:
        raise PushError(ErrorCode.WRONG_AUDIENCE)
    if not now < claims.exp <= now + MAX_LIFE:
        raise PushError(ErrorCode.EXPIRED)
    if not claims.sub.startswith(("mailto:", "https:")):
        raise PushError(ErrorCode.BAD_CONTACT)
