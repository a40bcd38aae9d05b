"""Addresses, signatures and encryption keys of the peer, by the public vectors."""

from base64 import b64encode
from hashlib import sha512

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.hostile.request_builder import VECTORS as REQUESTS
from tests.peer.people import Person
from tests.vector_files import vectors
from whisper_peer.errors import BadSignature
from whisper_peer.protocol.keys import Address, decode, parse_encryption_key

ORDER = 2**252 + 27742317777372353535851937790883648493  # of the base point: RFC 8032, section 5.1
SIGNATURES = [
    (group["publicKey"]["pk"], case)
    for group in vectors("wycheproof/ed25519_test.json")["testGroups"]
    for case in group["tests"]
]
SPECCHECK = list(enumerate(vectors("ed25519-speccheck/cases.json")))
EXCHANGES = vectors("wycheproof/x25519_test.json")["testGroups"][0]["tests"]
LOW_ORDER = sorted({case["public"] for case in EXCHANGES if "ZeroSharedSecret" in case["flags"]})
HIGH_ORDER = sorted({case["public"] for case in EXCHANGES} - set(LOW_ORDER))

POINTS = vectors("ed25519_points.json")
SMALL_ORDER: list[str] = POINTS["small_order"]
NOT_CANONICAL: list[str] = POINTS["not_canonical"]

# Alice's of the wire vectors: her text has a plus sign.
KEY = "0vcNJb8AFTBK7zRYUHX8BE+NeQ0L+G3V3VK8+Hvl5ms="
NOT_CANONICAL_TEXTS = [
    "",
    KEY.replace("+", "-"),
    KEY.rstrip("="),
    KEY + "=",
    KEY[:-2] + "t=",
    KEY + "\n",
    " " + KEY,
    "\ud800" + KEY[1:],
    KEY.replace("0", "\uff10"),
    b64encode(bytes(31)).decode(),
    b64encode(bytes(33)).decode(),
]


def is_signed(key: str, message: str, signature: str) -> bool:
    """Tell whether the peer accepts the signature of *message* by *key*; all in hexadecimal."""
    try:
        Address.of(bytes.fromhex(key)).verify(bytes.fromhex(message), bytes.fromhex(signature))
    except (ValueError, BadSignature):
        return False
    return True


def is_encryption_key(key: str) -> bool:
    """Tell whether *key*, in hexadecimal, is taken, and for what it is."""
    raw = bytes.fromhex(key)
    try:
        return parse_encryption_key(b64encode(raw).decode()) == raw
    except ValueError:
        return False


def forged_by(key: Ed25519PrivateKey, first_half: bytes, text: bytes) -> bytes:
    """Make a signature that holds if *first_half*, its R, stands for the neutral point: then S = k·a."""
    scalar = bytearray(sha512(key.private_bytes_raw()).digest()[:32])
    scalar[0] &= 0b1111_1000
    scalar[31] = scalar[31] & 0b0111_1111 | 0b0100_0000
    k = int.from_bytes(sha512(first_half + key.public_key().public_bytes_raw() + text).digest(), "little")
    return first_half + (k * int.from_bytes(scalar, "little") % ORDER).to_bytes(32, "little")


def test_wycheproof_signatures_are_judged_as_published() -> None:
    """Malleable, truncated, overflowing and honest signatures."""
    accepted = [case["tcId"] for key, case in SIGNATURES if is_signed(key, case["msg"], case["sig"])]

    assert accepted == [case["tcId"] for _, case in SIGNATURES if case["result"] == "valid"]


@pytest.mark.parametrize(("number", "case"), SPECCHECK)
def test_only_case_3_of_speccheck_is_a_signature(number: int, case: dict[str, str]) -> None:
    """Of the twelve cases on which libraries differ, a strict one accepts the fourth alone."""
    assert is_signed(case["pub_key"], case["message"], case["signature"]) is (number == 3)


@pytest.mark.parametrize("key", SMALL_ORDER + NOT_CANONICAL)
def test_a_weak_key_is_no_address(key: str) -> None:
    """Of small order, or a second spelling of another point."""
    with pytest.raises(ValueError, match="one person"):
        Address.of(bytes.fromhex(key))


@pytest.mark.parametrize("first_half", SMALL_ORDER + NOT_CANONICAL)
def test_a_signature_that_begins_with_a_weak_point_is_refused(first_half: str, alice: Person) -> None:
    """Even when the equation holds: with the neutral point as R, OpenSSL believes this one."""
    signature = forged_by(alice.key, bytes.fromhex(first_half), b"text")

    with pytest.raises(BadSignature):
        alice.address.verify(b"text", signature)


def test_a_signature_with_s_beyond_the_order_is_refused(alice: Person) -> None:
    """S + L solves the same equation: one text would have two signatures."""
    honest = alice.key.sign(b"text")
    other = honest[:32] + (int.from_bytes(honest[32:], "little") + ORDER).to_bytes(32, "little")

    with pytest.raises(BadSignature):
        alice.address.verify(b"text", other)


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 128])
def test_a_signature_has_64_bytes(length: int, alice: Person) -> None:
    """A shorter or longer one is refused as such."""
    with pytest.raises(BadSignature):
        alice.address.verify(b"text", (alice.key.sign(b"text") * 2)[:length])


@pytest.mark.parametrize("text", NOT_CANONICAL_TEXTS)
def test_a_key_has_one_spelling(text: str) -> None:
    """Addresses and encryption keys alike."""
    for parse in (Address.parse, parse_encryption_key):
        with pytest.raises(ValueError, match=r"."):
            parse(text)


@pytest.mark.parametrize("value", [None, True, 0, [KEY], {"a": KEY}, KEY.encode()], ids=repr)
def test_a_key_is_text(value: object) -> None:
    """No other JSON value is taken for one."""
    for parse in (Address.parse, parse_encryption_key):
        with pytest.raises(ValueError, match="must be text"):
            parse(value)


def test_an_address_does_not_show_itself_whole(alice: Person) -> None:
    """A log tells people apart, and not who they are."""
    assert alice.address.text not in repr(alice.address)


@pytest.mark.parametrize("key", LOW_ORDER)
def test_an_encryption_key_of_low_order_is_refused(key: str) -> None:
    """With it the shared secret is zero, known to all."""
    with pytest.raises(ValueError, match="low order"):
        parse_encryption_key(b64encode(bytes.fromhex(key)).decode())


def test_any_other_encryption_key_is_taken() -> None:
    """On the twist or not reduced, RFC 7748 takes it."""
    assert [key for key in HIGH_ORDER if not is_encryption_key(key)] == []


@pytest.mark.parametrize("name", REQUESTS["keys"])
def test_the_keys_of_the_vectors_are_read(name: str) -> None:
    """Every person of `requests.json` has an address and an encryption key."""
    keys = REQUESTS["keys"][name]

    assert Address.parse(keys["ed25519_public"]).raw == decode(keys["ed25519_public"])
    assert parse_encryption_key(keys["x25519_public"]) == decode(keys["x25519_public"])
