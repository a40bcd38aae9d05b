"""Sealing by the shared vectors, and nothing else that opens."""

import zlib
from base64 import b64decode, b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vector_files import vectors
from whisper_peer.errors import BrokenSeal
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.sealing import (
    MAX_JSON_BYTES,
    Format,
    Keys,
    Party,
    deflate,
    encrypt,
    seal,
    shared_secret,
    unseal,
)

CASES = vectors("sealing.json")["cases"]
EXCHANGES = [
    test for group in vectors("wycheproof/x25519_test.json")["testGroups"] for test in group["tests"]
]

KEY = bytes(range(32))
NONCE = bytes(12)
ZERO = "00" * 32
REFUSED = "refused"

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


def private_key(side: dict[str, str]) -> X25519PrivateKey:
    """Return the X25519 key of one side of a case."""
    return X25519PrivateKey.from_private_bytes(b64decode(side["encryption_private"]))


def party(side: dict[str, str]) -> Party:
    """Return one side of a case as others see it."""
    return Party(Address.parse(side["signing"]), b64decode(side["encryption_public"]))


def sealed_as(form: Format, content: bytes) -> str:
    """Return *content* sealed as an offer, in *form* or not."""
    return b64encode(encrypt("offer", form, content, KEY, NONCE)).decode()


def content(case: dict[str, Any]) -> bytes:
    """Return what is encrypted in a case; DEFLATE has many spellings, so that one is taken from the case."""
    if case["format"] == Format.PLAIN:
        return str(case["plaintext"]).encode()
    raw = b64decode(case["sealed"])
    return AESGCM(b64decode(case["derived_key"])).decrypt(raw[1:13], raw[13:], case["method"].encode())


@every_case
def test_the_sender_derives_the_key_of_the_vector(case: dict[str, Any]) -> None:
    """X25519 and HKDF, with both addresses and both keys in their places."""
    sender, recipient = case["sender"], case["recipient"]

    keys = Keys.agree(private_key(sender), party(sender), party(recipient))

    assert keys.outgoing == b64decode(case["derived_key"])


@every_case
def test_the_recipient_derives_the_same_key(case: dict[str, Any]) -> None:
    """What is outgoing for one is incoming for the other."""
    sender, recipient = case["sender"], case["recipient"]

    keys = Keys.agree(private_key(recipient), party(recipient), party(sender))

    assert keys.incoming == b64decode(case["derived_key"])


@every_case
def test_sealing_gives_the_vector_byte_for_byte(case: dict[str, Any]) -> None:
    """The same key, nonce and content make the same text."""
    key, nonce = b64decode(case["derived_key"]), b64decode(case["nonce"])

    sealed = encrypt(case["method"], Format(case["format"]), content(case), key, nonce)

    assert b64encode(sealed).decode() == case["sealed"]


@every_case
def test_unsealing_gives_the_plaintext_of_the_vector(case: dict[str, Any]) -> None:
    """Both formats open to the JSON that was sealed."""
    key = b64decode(case["derived_key"])

    value = unseal(case["method"], case["sealed"], key)

    assert seal_as_plain(value) == case["plaintext"]


def seal_as_plain(value: object) -> str:
    """Return the JSON text that `seal` makes of *value*."""
    sealed = b64decode(seal("message", value, KEY))
    written = AESGCM(KEY).decrypt(sealed[1:13], sealed[13:], b"message")
    return (written if sealed[0] == Format.PLAIN else zlib.decompress(written, wbits=-15)).decode()


def agreed(private: str, public: str) -> str:
    """Return the secret that these keys share, or that it is refused; all in hexadecimal."""
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    try:
        return shared_secret(key, bytes.fromhex(public)).hex()
    except BrokenSeal:
        return REFUSED


def test_x25519_agrees_with_wycheproof() -> None:
    """Every secret is the expected one, and a zero one is refused."""
    found = {test["tcId"]: agreed(test["private"], test["public"]) for test in EXCHANGES}

    assert found == {test["tcId"]: test["shared"].replace(ZERO, REFUSED) for test in EXCHANGES}


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "", "grüß dich 👋", [], {"a": [1, {"b": None}]}])
def test_any_json_comes_back(value: object) -> None:
    """What is sealed is unsealed, whatever JSON it is."""
    assert unseal("message", seal("message", value, KEY), KEY) == value


def test_long_text_is_deflated() -> None:
    """Repetition costs little: SDP is full of it."""
    sealed = b64decode(seal("offer", "a=candidate " * 100, KEY))

    assert sealed[0] == Format.DEFLATED
    assert len(sealed) < 100


def test_short_text_is_not_deflated() -> None:
    """The shorter of the two is sent."""
    assert b64decode(seal("message", "hi", KEY))[0] == Format.PLAIN


def test_a_nonce_is_never_used_twice() -> None:
    """The same value sealed twice is two texts."""
    assert seal("message", "hi", KEY) != seal("message", "hi", KEY)


def test_another_method_does_not_open() -> None:
    """An offer can't be passed off as an answer."""
    with pytest.raises(BrokenSeal):
        unseal("answer", seal("offer", "x", KEY), KEY)


def test_another_key_does_not_open() -> None:
    """Nor can what was sealed for somebody else."""
    with pytest.raises(BrokenSeal):
        unseal("offer", seal("offer", "x", KEY), bytes(32))


@pytest.mark.parametrize("position", [0, 1, 12, 13, -1])
def test_a_changed_byte_does_not_open(position: int) -> None:
    """Format, nonce, ciphertext and tag: each change shows."""
    raw = bytearray(b64decode(seal("offer", "x", KEY)))
    raw[position] ^= 0x03  # turns each format into the other

    with pytest.raises(BrokenSeal):
        unseal("offer", b64encode(raw).decode(), KEY)


@pytest.mark.parametrize("sealed", ["", "AQ==", "AQ", "not base64", b64encode(bytes(13)).decode()])
def test_what_is_no_sealed_payload_does_not_open(sealed: str) -> None:
    """Short, empty or not base64: one and the same refusal."""
    with pytest.raises(BrokenSeal):
        unseal("offer", sealed, KEY)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"NaN", b"1e999", b"[-1e999]", b'{"\\ud800":1}', b"\xff", b"[" * 60_000]
)
def test_what_is_no_json_does_not_open(text: bytes) -> None:
    """Well sealed nonsense is nonsense."""
    with pytest.raises(BrokenSeal):
        unseal("offer", sealed_as(Format.PLAIN, text), KEY)


@pytest.mark.parametrize(
    "stream",
    [
        deflate(b'"' + b"0" * MAX_JSON_BYTES + b'"'),
        deflate(b'"x"')[:-1],
        deflate(b'"x"') + b"more",
        b"\xff\xff",
    ],
    ids=["bomb", "cut off", "followed by more", "no DEFLATE"],
)
def test_a_bad_deflate_stream_does_not_open(stream: bytes) -> None:
    """One whole stream of at most 64 KiB, or nothing."""
    with pytest.raises(BrokenSeal):
        unseal("offer", sealed_as(Format.DEFLATED, stream), KEY)


@pytest.mark.parametrize("form", [Format.MORE, Format.LAST])
def test_a_part_is_no_whole_value(form: Format) -> None:
    """Parts are binary frames: what is spelled as text is whole."""
    with pytest.raises(BrokenSeal):
        unseal("offer", sealed_as(form, b'"x"'), KEY)


def test_exactly_64_kib_can_be_sealed() -> None:
    """The limit is the last size that works, at both ends."""
    largest = "x" * (MAX_JSON_BYTES - 2)

    assert unseal("message", seal("message", largest, KEY), KEY) == largest


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * (MAX_JSON_BYTES - 1), "too many"),
        (float("nan"), "not JSON compliant"),
        ("\ud800", "surrogates"),
    ],
)
def test_what_could_not_be_opened_is_not_sealed(value: object, reason: str) -> None:
    """Too much, and what is no JSON, is refused before it is sent."""
    with pytest.raises(ValueError, match=reason):
        seal("message", value, KEY)
