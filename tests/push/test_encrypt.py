"""Encryption of push messages for one browser, in a size that every push service carries."""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from pathlib import Path

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from app.protocol.constants import MAX_PLAINTEXT_BYTES
from app.protocol.subscription import Endpoint, PushTarget
from app.push.encrypt import encrypt, seal
from app.push.errors import MessageTooLarge

VECTORS = Path(__file__).parents[1] / "vectors"
RFC_8291 = json.loads((VECTORS / "rfc/rfc8291-appendix-a.json").read_text(encoding="utf-8"))
SIZES = json.loads((VECTORS / "requests.json").read_text(encoding="utf-8"))["unit_sizes"]["rows"]
CARRIED = [(plain, sent) for plain, sent in SIZES if sent != "refuse"]
ENDPOINT = Endpoint.parse("https://push.example.org/x")
REFUSED = [plain for plain, sent in SIZES if sent == "refuse"]


@dataclass(frozen=True)
class Browser:
    """Browser with the keys of a subscription."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"sixteen bytes of"

    @property
    def target(self) -> PushTarget:
        """The push target, as the server knows it."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return PushTarget(ENDPOINT, point, self.auth)

    def read(self, body: bytes) -> bytes:
        """Decrypt a message. Raise `ECEException` for one that is not for this browser."""
        plain: bytes = http_ece.decrypt(
            body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"
        )
        return plain


def raw(name: str) -> bytes:
    """Return a value of RFC 8291, appendix A."""
    return urlsafe_b64decode(RFC_8291[name] + "==")


@pytest.fixture
def browser() -> Browser:
    """Return a browser with new keys."""
    return Browser()


def test_the_browser_of_these_tests_reads_the_message_of_the_rfc() -> None:
    """RFC 8291, appendix A: so what it reads below is right."""
    browser = Browser(
        ec.derive_private_key(int.from_bytes(raw("ua_private")), ec.SECP256R1()), raw("auth_secret")
    )

    assert browser.read(raw("body")).decode() == RFC_8291["plaintext_utf8"]


@pytest.mark.parametrize(
    "payload", [b"x", b'{"data":{}}', "☎ \U0001f602".encode(), b"\x00" * 100, b"\x02" * 9]
)
def test_a_browser_reads_what_was_encrypted(payload: bytes, browser: Browser) -> None:
    """Also when it ends in what looks like padding."""
    assert browser.read(encrypt(browser.target, payload)) == payload


def test_the_largest_message_is_read_whole(browser: Browser) -> None:
    """It is one record, to its last byte."""
    payload = bytes(range(256)) * 16

    body = encrypt(browser.target, payload[:MAX_PLAINTEXT_BYTES])

    assert browser.read(body) == payload[:MAX_PLAINTEXT_BYTES]


def test_another_browser_cannot_read_it(browser: Browser) -> None:
    """A message is for one private key."""
    body = encrypt(browser.target, b"secret")

    with pytest.raises(http_ece.ECEException):
        Browser().read(body)


def test_a_key_is_not_enough_to_read_it(browser: Browser) -> None:
    """The authentication secret is needed too (RFC 8291, section 3.2)."""
    body = encrypt(browser.target, b"secret")

    with pytest.raises(http_ece.ECEException):
        Browser(browser.key, b"another 16 bytes").read(body)


@pytest.mark.parametrize(("plain", "sent"), CARRIED)
def test_a_message_grows_by_103_bytes(plain: int, sent: int, browser: Browser) -> None:
    """86 of header, 1 delimiter and 16 of tag; 3993 bytes make the 4096 that push services promise."""
    assert len(encrypt(browser.target, b"x" * plain)) == sent


@pytest.mark.parametrize("plain", [*REFUSED, 5000])
def test_a_message_that_is_too_large_says_by_how_much(plain: int, browser: Browser) -> None:
    """The caller can shorten it by so many bytes."""
    with pytest.raises(MessageTooLarge, match=f" {plain - MAX_PLAINTEXT_BYTES} bytes too many"):
        encrypt(browser.target, b"x" * plain)


def test_no_message_is_encrypted_twice_alike(browser: Browser) -> None:
    """Salt and server key are new each time: equal calls can't be told by their bodies."""
    bodies = [encrypt(browser.target, b"x") for _ in range(3)]

    assert len({body[:16] for body in bodies}) == len({body[21:86] for body in bodies}) == 3


def test_the_header_is_that_of_rfc_8188(browser: Browser) -> None:
    """Salt, record size 4096, and the sender's uncompressed P-256 key as the key id."""
    body = encrypt(browser.target, b"x")

    assert (int.from_bytes(body[16:20]), body[20], body[21]) == (4096, 65, 4)


def test_a_request_holds_nothing_of_its_payload(browser: Browser) -> None:
    """A push service learns the length, and no more."""
    assert b"needle" not in encrypt(browser.target, b"needle" * 20)


def test_what_the_rfc_encrypts_is_encrypted_alike() -> None:
    """RFC 8291, appendix A: with its key and its salt, every byte is the same."""
    target = PushTarget(ENDPOINT, raw("ua_public"), raw("auth_secret"))
    key = ec.derive_private_key(int.from_bytes(raw("as_private")), ec.SECP256R1())

    assert seal(target, RFC_8291["plaintext_utf8"].encode(), key, raw("salt")) == raw("body")


@given(payload=st.binary(min_size=1, max_size=MAX_PLAINTEXT_BYTES), salt=st.binary(min_size=16, max_size=16))
def test_what_pywebpush_encrypts_is_encrypted_alike(payload: bytes, salt: bytes) -> None:
    """What it encrypts with, http_ece, writes the same bytes when given the same key and the same salt."""
    browser, key = Browser(), ec.generate_private_key(ec.SECP256R1())
    target = browser.target

    theirs = http_ece.encrypt(
        payload, salt=salt, private_key=key, dh=target.p256dh, auth_secret=target.auth, version="aes128gcm"
    )

    assert seal(target, payload, key, salt) == theirs
