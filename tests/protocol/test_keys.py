"""Addresses and signatures: one spelling and one owner, one meaning."""

from base64 import b64encode
from hashlib import sha512
from typing import Self

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.protocol.errors import BadSignature
from app.protocol.keys import Address, decode, parse_encryption_key
from tests.people import Person
from tests.vector_files import vectors

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493  # the order of the base point: RFC 8032, section 5.1


ED25519 = vectors("wycheproof/ed25519_test.json")
SPECCHECK = vectors("ed25519-speccheck/cases.json")
X25519 = vectors("wycheproof/x25519_test.json")
POINTS = vectors("ed25519_points.json")

SIGNATURES = [(group["publicKey"]["pk"], case) for group in ED25519["testGroups"] for case in group["tests"]]
EXCHANGES = X25519["testGroups"][0]["tests"]
LOW_ORDER = sorted({case["public"] for case in EXCHANGES if "ZeroSharedSecret" in case["flags"]})
HIGH_ORDER = sorted({case["public"] for case in EXCHANGES} - set(LOW_ORDER))

SMALL_ORDER: list[str] = POINTS["small_order"]
NOT_CANONICAL: list[str] = POINTS["not_canonical"]

# Alice's of the wire vectors: her text has a plus sign.
KEY = "0vcNJb8AFTBK7zRYUHX8BE+NeQ0L+G3V3VK8+Hvl5ms="

NOT_CANONICAL_TEXTS = {
    "empty": "",
    "url alphabet": KEY.replace("+", "-"),
    "no padding": KEY.rstrip("="),
    "too much padding": KEY + "=",
    "padding inside": KEY[:20] + "=" + KEY[20:],
    "non-zero trailing bits": KEY[:-2] + "t=",
    "trailing line break": KEY + "\n",
    "line break inside": KEY[:22] + "\n" + KEY[22:],
    "leading space": " " + KEY,
    "trailing NUL": KEY + "\x00",
    "data URI": "data:application/octet-stream;base64," + KEY,
    "hexadecimal": "d2f70d25bf0015304aef34585075fc044f8d790d0bf86dd5dd52bcf87be5e66b",
    "full-width letters": KEY.replace("0", "\uff10"),
    "lone surrogate": "\ud800" + KEY[1:],
    "31 bytes": b64encode(bytes(range(31))).decode(),
    "33 bytes": b64encode(bytes(range(33))).decode(),
}
NOT_TEXT = [None, True, 0, 1, 1.5, [], [KEY], {}, {"a": KEY}, KEY.encode()]


class Signed(str):
    """Signed bytes of a vector, where a call has text."""

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, raw: bytes) -> Self:
        """Hold *raw* as the UTF-8 form of a text."""
        made = super().__new__(cls)
        made.raw = raw
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return the bytes as UTF-8."""
        return self.raw if (encoding, errors) == ("utf-8", "strict") else super().encode(encoding, errors)


def is_signed(key: str, message: str, signature: str) -> bool:
    """Tell whether we believe that *key* signed *message*; all in hexadecimal."""
    try:
        Address.of(bytes.fromhex(key)).verify(Signed(bytes.fromhex(message)), bytes.fromhex(signature))
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


def forged_by(key: Ed25519PrivateKey, first_half: bytes, text: str) -> bytes:
    """Make a signature that holds if *first_half*, its R, stands for the neutral point: then S = k·a."""
    scalar = bytearray(sha512(key.private_bytes_raw()).digest()[:32])
    scalar[0] &= 0b1111_1000
    scalar[31] = scalar[31] & 0b0111_1111 | 0b0100_0000
    hashed = sha512(first_half + key.public_key().public_bytes_raw() + text.encode()).digest()
    return first_half + (int.from_bytes(hashed, "little") * int.from_bytes(scalar, "little") % L).to_bytes(
        32, "little"
    )


def test_wycheproof_signatures_are_judged_as_published() -> None:
    """Malleable, truncated, overflowing and honest signatures, by Google's vectors."""
    accepted = [case["tcId"] for key, case in SIGNATURES if is_signed(key, case["msg"], case["sig"])]

    assert accepted == [case["tcId"] for _, case in SIGNATURES if case["result"] == "valid"]


@pytest.mark.parametrize(("number", "case"), list(enumerate(SPECCHECK)), ids=range(len(SPECCHECK)))
def test_only_case_3_of_speccheck_is_a_signature(number: int, case: dict[str, str]) -> None:
    """Of the twelve cases on which libraries differ, a strict one accepts the fourth alone."""
    assert is_signed(case["pub_key"], case["message"], case["signature"]) is (number == 3)


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_is_nobody(key: str) -> None:
    """Under such a key a signature holds for many texts, made by anyone."""
    with pytest.raises(ValueError, match="one person"):
        Address.of(bytes.fromhex(key))


@pytest.mark.parametrize("key", NOT_CANONICAL)
def test_a_key_that_is_not_canonical_is_nobody(key: str) -> None:
    """A y of p or more is a second name for another point."""
    with pytest.raises(ValueError, match="one person"):
        Address.of(bytes.fromhex(key))


@pytest.mark.parametrize("first_half", SMALL_ORDER + NOT_CANONICAL)
def test_a_signature_that_begins_with_a_weak_point_is_refused(first_half: str, alice: Person) -> None:
    """Even when the equation holds: with the neutral point as R, OpenSSL believes this one."""
    signature = forged_by(alice.key, bytes.fromhex(first_half), "text")

    with pytest.raises(BadSignature):
        alice.address.verify("text", signature)


def test_a_signature_with_s_beyond_the_order_is_refused(alice: Person) -> None:
    """S + L solves the same equation: one signature would have two texts."""
    honest = alice.key.sign(b"text")
    other = honest[:32] + (int.from_bytes(honest[32:], "little") + L).to_bytes(32, "little")

    with pytest.raises(BadSignature):
        alice.address.verify("text", other)


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 128])
def test_a_signature_has_64_bytes(length: int, alice: Person) -> None:
    """A shorter or longer one is none, and no other error."""
    signature = (alice.key.sign(b"text") * 2)[:length]

    with pytest.raises(BadSignature):
        alice.address.verify("text", signature)


def test_an_honest_signature_verifies(alice: Person) -> None:
    """Text is signed in UTF-8."""
    alice.address.verify("dial ☎", alice.key.sign("dial ☎".encode()))


def test_a_signature_belongs_to_its_signer(alice: Person, mallory: Person) -> None:
    """Nobody signs for somebody else."""
    with pytest.raises(BadSignature):
        alice.address.verify("text", mallory.key.sign(b"text"))


def test_a_signature_belongs_to_its_text(alice: Person) -> None:
    """Not one character may change."""
    with pytest.raises(BadSignature):
        alice.address.verify("text.", alice.key.sign(b"text"))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_an_address_has_32_bytes(length: int) -> None:
    """And says how many were there."""
    with pytest.raises(ValueError, match=f"must be 32 bytes, not {length}"):
        Address.of(bytes(range(1, length + 1)))


def test_an_address_is_its_text() -> None:
    """What was parsed prints the same, and is equal to itself."""
    address = Address.parse(KEY)

    assert (address.text, Address.parse(address.text)) == (KEY, address)


@pytest.mark.parametrize("text", NOT_CANONICAL_TEXTS.values(), ids=NOT_CANONICAL_TEXTS)
def test_an_address_has_one_spelling(text: str) -> None:
    """Any other is refused, or one person would be two."""
    with pytest.raises(ValueError, match=r"^(is not|must be)"):
        Address.parse(text)


@pytest.mark.parametrize("value", NOT_TEXT, ids=repr)
def test_an_address_is_text(value: object) -> None:
    """No other JSON value is taken for one."""
    with pytest.raises(ValueError, match="must be text"):
        Address.parse(value)


def test_an_address_does_not_show_itself_whole(alice: Person) -> None:
    """A log that prints one tells people apart, and not who they are."""
    assert alice.address.text not in repr(alice.address)
    assert alice.address.text[:6] in repr(alice.address)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=80))
def test_base64_is_read_back(raw: bytes) -> None:
    """Standard alphabet, with padding, is the one form."""
    assert decode(b64encode(raw).decode(), len(raw)) == raw


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("Ag/+-_= \n0"), max_size=8) | st.text(max_size=8))
@example("AAAA====")  # four more, where no padding is needed
def test_base64_that_is_read_is_canonical(text: str) -> None:
    """Whatever is accepted is what we would print."""
    try:
        raw = decode(text)
    except ValueError:
        return

    assert b64encode(raw).decode() == text


@pytest.mark.parametrize("key", LOW_ORDER)
def test_an_encryption_key_of_low_order_is_refused(key: str) -> None:
    """With it the shared secret is zero, known to all."""
    with pytest.raises(ValueError, match="low order"):
        parse_encryption_key(b64encode(bytes.fromhex(key)).decode())


def test_any_other_encryption_key_is_taken() -> None:
    """On the twist or not reduced, RFC 7748 takes it."""
    assert [key for key in HIGH_ORDER if not is_encryption_key(key)] == []


@pytest.mark.parametrize("text", NOT_CANONICAL_TEXTS.values(), ids=NOT_CANONICAL_TEXTS)
def test_an_encryption_key_has_one_spelling(text: str) -> None:
    """As an address has."""
    with pytest.raises(ValueError, match=r"^(is not|must be)"):
        parse_encryption_key(text)


@pytest.mark.parametrize("value", NOT_TEXT, ids=repr)
def test_an_encryption_key_is_text(value: object) -> None:
    """No other JSON value is taken for one."""
    with pytest.raises(ValueError, match="must be text"):
        parse_encryption_key(value)
