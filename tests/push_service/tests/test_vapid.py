"""VAPID verification, checked against RFC 8292."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.push_service.crypto import base64url, p256
from tests.push_service.crypto.vapid import verify
from tests.push_service.errors import ErrorCode, PushError

VECTORS = Path(__file__).parents[2] / "vectors" / "rfc" / "rfc8292-section-2.4.json"
VECTOR = json.loads(VECTORS.read_text())
ORIGIN = "http://127.0.0.1:8100"
NOW = 1_800_000_000.5
SENDER = ec.generate_private_key(ec.SECP256R1())
KEY = base64url.encode(p256.point_of(SENDER.public_key()))
STRANGER = base64url.encode(p256.point_of(ec.generate_private_key(ec.SECP256R1()).public_key()))
CLAIMS = {"aud": ORIGIN, "exp": 1_800_003_600, "sub": "mailto:ops@example.com"}


def token(claims: object, header: bytes = b'{"typ":"JWT","alg":"ES256"}') -> str:
    """Sign *claims* with ES256, under any header."""
    text = f"{base64url.encode(header)}.{base64url.encode(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(SENDER.sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{base64url.encode(r.to_bytes(32) + s.to_bytes(32))}"


GOOD = token(CLAIMS)


def error_code_of(authorization: str) -> ErrorCode:
    """Return why *authorization* is refused."""
    with pytest.raises(PushError) as caught:
        verify(authorization, origin=ORIGIN, now=NOW)
    return caught.value.code


def test_the_example_of_the_rfc_verifies() -> None:
    """RFC 8292 section 2.4 gives a token and its key."""
    header = f"vapid t={VECTOR['t']}, k={VECTOR['k']}"

    key = verify(header, origin="https://push.example.net", now=VECTOR["claims"]["exp"] - 1)

    assert key == VECTOR["k"]


@pytest.mark.parametrize(
    "header",
    [f"vapid t={GOOD}, k={KEY}", f"vapid t={GOOD},k={KEY}", f"VAPID k={KEY} , t={GOOD}, x=1"],
    ids=["as the RFC", "as py_vapid", "another order"],
)
def test_every_spelling_of_the_rfc_is_read(header: str) -> None:
    """The scheme has no case, the parameters no order, and unknown ones no meaning."""
    assert verify(header, origin=ORIGIN, now=NOW) == KEY


@pytest.mark.parametrize(
    "header",
    [
        "",
        "vapid",
        "vapid k=",
        f"WebPush {GOOD}",
        f"Bearer t={GOOD}, k={KEY}",
        f"vapid t={GOOD}",
        f"vapid t={GOOD}, k={KEY}, k={STRANGER}",
    ],
)
def test_a_header_without_both_parts_is_refused(header: str) -> None:
    """Nor may a part be there twice."""
    assert error_code_of(header) is ErrorCode.NO_AUTHORIZATION


@pytest.mark.parametrize(
    "key",
    ["", "AAAA", KEY + "=", KEY[:-4], base64url.encode(b"\x04" + bytes(64))],
    ids=["empty", "short", "padded", "cut", "off the curve"],
)
def test_a_key_that_is_no_point_is_refused(key: str) -> None:
    """It is 65 bytes of unpadded base64url, and on the curve."""
    assert error_code_of(f"vapid t={GOOD}, k={key}") is ErrorCode.BAD_KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        GOOD + "A",
        GOOD + "==",
        GOOD.rpartition(".")[0] + ".AAAA",
        token([]),
        token({}),
        token({**CLAIMS, "exp": "1800003600"}),
        token({**CLAIMS, "aud": [ORIGIN]}),
        token(CLAIMS, b'{"alg":"none"}'),
        token(CLAIMS, b"{}"),
        token(CLAIMS, b"[" * 2000),
    ],
)
def test_a_token_that_is_no_es256_jwt_is_refused(text: str) -> None:
    """Whichever part of it is wrong."""
    assert error_code_of(f"vapid t={text}, k={KEY}") is ErrorCode.BAD_TOKEN


def test_a_token_signed_by_another_key_is_refused() -> None:
    """K must have signed t."""
    assert error_code_of(f"vapid t={GOOD}, k={STRANGER}") is ErrorCode.BAD_SIGNATURE


@pytest.mark.parametrize("origin", ["https://127.0.0.1:8100", ORIGIN + "/", "http://127.0.0.1:8101", ""])
def test_a_token_for_another_push_service_is_refused(origin: str) -> None:
    """The audience is this service's origin, to the letter."""
    assert error_code_of(f"vapid t={token({**CLAIMS, 'aud': origin})}, k={KEY}") is ErrorCode.WRONG_AUDIENCE


@pytest.mark.parametrize("expiry", [0, 1_800_000_000, 1_800_086_401, 10**12, float("nan")])
def test_a_token_that_is_expired_or_lives_too_long_is_refused(expiry: float) -> None:
    """It lives at most 24 hours from now."""
    assert error_code_of(f"vapid t={token({**CLAIMS, 'exp': expiry})}, k={KEY}") is ErrorCode.EXPIRED


@pytest.mark.parametrize("expiry", [1_800_000_001, 1_800_086_400])
def test_a_token_verifies_for_24_hours(expiry: int) -> None:
    """From the next second on."""
    assert verify(f"vapid t={token({**CLAIMS, 'exp': expiry})}, k={KEY}", origin=ORIGIN, now=NOW) == KEY


@pytest.mark.parametrize("contact", ["", "ops@example.com", "http://example.com", "tel:110"])
def test_a_token_without_a_contact_is_refused(contact: str) -> None:
    """A push service must be able to write to whoever sends."""
    assert error_code_of(f"vapid t={token({**CLAIMS, 'sub': contact})}, k={KEY}") is ErrorCode.BAD_CONTACT
