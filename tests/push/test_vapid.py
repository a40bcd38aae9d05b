"""VAPID: the right header, kept while it is good, and nothing else that is signed."""

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from py_vapid import Vapid02

from app.push.vapid import (
    MAX_TOKENS,
    TOKEN_LIFE_S,
    InvalidVapidKey,
    InvalidVapidSubject,
    Keyring,
    VapidKey,
    VapidSigner,
    check_subject,
    is_placeholder,
    parse_keys,
)

RFC_8292 = json.loads(
    (Path(__file__).parents[1] / "vectors/rfc/rfc8292-section-2.4.json").read_text(encoding="utf-8")
)
# The order of P-256 (FIPS 186-4, D.1.2.3): a private key is below it.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# And its base point, which is the public key of 1.
BASE_POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)

NOW = 1_760_000_000_000
ORIGIN = "https://push.example.org"
SUBJECT = "mailto:ops@example.org"
HALF_LIFE_MS = TOKEN_LIFE_S * 1000 // 2
KEY = VapidKey.generate()


def unpadded(raw: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(header: str) -> dict[str, str]:
    """Return t and k of an Authorization header."""
    scheme, _, parameters = header.partition(" ")
    assert scheme == "vapid"
    return dict(part.strip().split("=", 1) for part in parameters.split(","))


def claims(header: str) -> dict[str, Any]:
    """Return what a header claims."""
    found: dict[str, Any] = json.loads(urlsafe_b64decode(parts(header)["t"].split(".")[1] + "=="))
    return found


@pytest.fixture
def vapid() -> VapidSigner:
    """Return an identity that has not signed yet."""
    return VapidSigner(KEY, SUBJECT)


NOT_KEYS = {
    "empty": "",
    "31 bytes": unpadded(b"\x01" * 31),
    "33 bytes": unpadded(b"\x01" * 33),
    "zero": unpadded(bytes(32)),
    "the order": unpadded(ORDER.to_bytes(32)),
    "beyond the order": unpadded((ORDER + 1).to_bytes(32)),
    "all ones": unpadded(b"\xff" * 32),
    "not base64": "this is not a key, it is a line of text....",
    "letters beyond ASCII": "é" * 43,
    "standard alphabet": b64encode(b"\x7f" + b"\xff" * 31).decode().rstrip("="),
    "non-zero trailing bits": unpadded(b"\x01" * 32)[:-1] + "F",
    "line break": KEY.private_text + "\n",
    "line break inside": KEY.private_text[:20] + "\n" + KEY.private_text[20:],
    "space": " " + KEY.private_text,
    "quotes": f'"{KEY.private_text}"',
    "hexadecimal": "01" * 32,
    "its public key": KEY.public_text,
    "PEM": Vapid02(ec.derive_private_key(1, ec.SECP256R1())).private_pem().decode(),
}
NOT_SUBJECTS = ["", "localhost", "ops@example.org", "mailto:", "mailto:ops", "http://x", "http://example.org"]
NOT_SUBJECTS += ["https://", "tel:110", "example.org"]
NOT_SUBJECTS += [
    "ops@whisper.dev",
    "mailto:<ops@whisper.dev>",
    "mailto:mailto:ops@whisper.dev",
    "mailto:a@b@c.dev",
]
NOT_SUBJECTS += [
    "mailto: ops@whisper.dev",
    "mailto:ops@whisper.dev?subject=x",
    "mailto:ops@192.0.2.1",
    "https://[::1]",
]
NOT_SUBJECTS += ["mailto:a@localhost", "https://localhost", "mailto:a@b.example junk\nx"]


def test_the_token_of_the_rfc_verifies() -> None:
    """RFC 8292, section 2.4: so what verifies below is right."""
    assert Vapid02.verify(f"vapid t={RFC_8292['t']},k={RFC_8292['k']}")


def test_our_header_verifies(vapid: VapidSigner) -> None:
    """Another implementation finds our signature under our key."""
    header = vapid.token(ORIGIN, NOW).header

    assert Vapid02.verify(header)
    assert parts(header)["k"] == KEY.public_text


def test_our_header_does_not_verify_under_another_key(vapid: VapidSigner) -> None:
    """Whoever copies the token cannot pass for another server."""
    header = vapid.token(ORIGIN, NOW).header

    assert not Vapid02.verify(header.replace(KEY.public_text, VapidKey.generate().public_text))


def test_a_token_is_an_es256_jwt(vapid: VapidSigner) -> None:
    """As the RFC's own is."""
    token = parts(vapid.token(ORIGIN, NOW).header)["t"]

    assert json.loads(urlsafe_b64decode(token.split(".")[0] + "==")) == RFC_8292["header"]


@pytest.mark.parametrize("origin", [ORIGIN, "https://push.example.org:8443", "http://127.0.0.1:8100"])
def test_a_token_says_for_whom_and_from_whom(origin: str, vapid: VapidSigner) -> None:
    """The audience is the origin to the letter, the subject the operator's."""
    found = claims(vapid.token(origin, NOW).header)

    assert (found["aud"], found["sub"], set(found)) == (origin, SUBJECT, {"aud", "sub", "exp"})


@pytest.mark.parametrize("age", [0, 1, HALF_LIFE_MS - 1, HALF_LIFE_MS, 3 * HALF_LIFE_MS])
def test_a_header_is_good_for_hours_whenever_it_is_asked(age: int, vapid: VapidSigner) -> None:
    """At most 24 h ahead, or push services refuse it; at least 6 h, so that clocks may differ."""
    vapid.token(ORIGIN, NOW)

    left = claims(vapid.token(ORIGIN, NOW + age).header)["exp"] - (NOW + age) / 1000

    assert 6 * 3600 - 1 <= left <= 24 * 3600


@pytest.mark.parametrize("age", [0, 1, HALF_LIFE_MS - 1])
def test_a_header_is_kept_for_half_its_life(age: int, vapid: VapidSigner) -> None:
    """Push services remember that it verified, so the same one is cheap for both."""
    first = vapid.token(ORIGIN, NOW).header

    assert vapid.token(ORIGIN, NOW + age).header == first


def test_a_header_is_renewed_after_half_its_life(vapid: VapidSigner) -> None:
    """With a later end."""
    first = vapid.token(ORIGIN, NOW).header

    second = vapid.token(ORIGIN, NOW + HALF_LIFE_MS).header

    assert claims(second)["exp"] - claims(first)["exp"] == TOKEN_LIFE_S // 2


def test_a_renewed_header_is_kept(vapid: VapidSigner) -> None:
    """Until half of its own life."""
    vapid.token(ORIGIN, NOW)
    second = vapid.token(ORIGIN, NOW + HALF_LIFE_MS).header

    assert vapid.token(ORIGIN, NOW + 2 * HALF_LIFE_MS - 1).header == second


def test_each_push_service_has_its_own_header(vapid: VapidSigner) -> None:
    """One cannot use it at another."""
    headers = [vapid.token(f"https://{name}.example.org", NOW).header for name in "ab"]

    assert [claims(header)["aud"] for header in headers] == ["https://a.example.org", "https://b.example.org"]


def test_headers_are_kept_for_so_many_push_services(vapid: VapidSigner) -> None:
    """As many as are promised."""
    first = vapid.token(ORIGIN, NOW).header
    for number in range(MAX_TOKENS - 1):
        vapid.token(f"https://{number}.example.org", NOW)

    assert vapid.token(ORIGIN, NOW).header == first


def test_of_too_many_push_services_the_longest_unused_is_forgotten(vapid: VapidSigner) -> None:
    """Memory is bounded, and the busy ones stay."""
    busy = vapid.token("https://busy.example.org", NOW).header
    idle = vapid.token("https://idle.example.org", NOW).header
    for number in range(MAX_TOKENS - 1):
        vapid.token("https://busy.example.org", NOW)
        vapid.token(f"https://{number}.example.org", NOW)

    assert vapid.token("https://busy.example.org", NOW).header == busy
    assert vapid.token("https://idle.example.org", NOW).header != idle


@settings(deadline=None, max_examples=50)
@given(st.integers(1, ORDER - 1))
def test_a_key_is_its_text(scalar: int) -> None:
    """43 characters, leading zeros included."""
    text = unpadded(scalar.to_bytes(32))

    key = VapidKey.parse(text)

    assert (key.private_text, len(text)) == (text, 43)


def test_a_new_key_is_read_back() -> None:
    """With the same public key."""
    key = VapidKey.generate()

    assert VapidKey.parse(key.private_text).public_text == key.public_text


def test_a_public_key_is_an_uncompressed_point() -> None:
    """65 bytes in unpadded base64url, which browsers take as `applicationServerKey`."""
    assert VapidKey.parse(unpadded((1).to_bytes(32))).public_text == unpadded(BASE_POINT)


def test_two_new_keys_differ() -> None:
    """Each server is its own."""
    assert VapidKey.generate().private_text != VapidKey.generate().private_text


@pytest.mark.parametrize("text", NOT_KEYS.values(), ids=NOT_KEYS)
def test_what_is_no_key_is_refused(text: str) -> None:
    """Nothing is guessed, and no new key is made in its place."""
    with pytest.raises(InvalidVapidKey):
        VapidKey.parse(text)


@pytest.mark.parametrize("name", ["31 bytes", "the order", "quotes", "line break inside"])
def test_a_refused_key_is_not_repeated(name: str) -> None:
    """It may be nearly right, and is a secret."""
    with pytest.raises(InvalidVapidKey) as caught:
        VapidKey.parse(NOT_KEYS[name])

    assert NOT_KEYS[name][:12] not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("for_browsers", [True, False], ids=["browsers", "own"])
@pytest.mark.parametrize(
    "subject",
    [SUBJECT, "mailto:a.b+c@push.whisper.dev", "https://whisper.dev", "https://whisper.dev:8443/a?b"],
)
def test_a_subject_that_can_be_written_to_is_taken(subject: str, *, for_browsers: bool) -> None:
    """RFC 8292, section 2.1: a mailto: or https: URI."""
    check_subject(subject, for_browsers=for_browsers)

    assert claims(VapidSigner(KEY, subject).token(ORIGIN, NOW).header)["sub"] == subject


@pytest.mark.parametrize("for_browsers", [True, False], ids=["browsers", "own"])
@pytest.mark.parametrize("subject", NOT_SUBJECTS)
def test_a_subject_that_nobody_can_write_to_is_refused(subject: str, *, for_browsers: bool) -> None:
    """At the start, not at the first push."""
    with pytest.raises(InvalidVapidSubject, match="the subject must be mailto:"):
        check_subject(subject, for_browsers=for_browsers)


RESERVED = [
    "mailto:relay@host.local",
    "mailto:relay@HOST.LOCAL",
    "mailto:a@b.test",
    "mailto:a@b.invalid",
    "mailto:a@b.internal",
    "https://a.localhost",
    "https://router.home.arpa/x",
    "https://nas.lan:8443",
]


@pytest.mark.parametrize("subject", RESERVED)
def test_a_reserved_name_is_no_subject_for_browsers(subject: str) -> None:
    """Apple answers 403 to every message; a push service of the operator's own may know the name."""
    check_subject(subject, for_browsers=False)

    with pytest.raises(InvalidVapidSubject, match=r"names that end in \.\w+ are reserved"):
        check_subject(subject, for_browsers=True)


@pytest.mark.parametrize(
    ("subject", "known"),
    [
        ("mailto:operator@example.org", True),
        ("https://call.example", True),
        ("mailto:you@your.domain", True),
        ("https://www.Example.COM/x", True),
        ("mailto:ops@whisper.dev", False),
        ("https://example.org.whisper.dev", False),
        ("mailto:example.org@whisper.dev", False),
    ],
)
def test_a_placeholder_is_known(subject: str, *, known: bool) -> None:
    """A trial is served with one; an operator is told to name their own domain."""
    check_subject(subject, for_browsers=True)

    assert is_placeholder(subject) is known


def test_a_key_does_not_show_itself() -> None:
    """A log that prints it tells nothing."""
    assert KEY.private_text not in f"{KEY!r} {VapidSigner(KEY, SUBJECT)!r} {vars(VapidSigner(KEY, SUBJECT))}"


OTHER, THIRD = VapidKey.generate(), VapidKey.generate()


def test_several_keys_are_read_in_their_order() -> None:
    """Newest first, as the setting has them."""
    keys = parse_keys(f"{KEY.private_text}, {OTHER.private_text}")

    assert [key.private_text for key in keys] == [KEY.private_text, OTHER.private_text]


@pytest.mark.parametrize("text", ["", ",", f"{KEY.private_text},", f"{KEY.private_text},x"])
def test_one_bad_key_is_too_many(text: str) -> None:
    """Better no start than somebody lost."""
    with pytest.raises(InvalidVapidKey):
        parse_keys(text)


@pytest.mark.parametrize(
    ("key_id", "order"),
    [
        (KEY.id, (KEY, OTHER, THIRD)),
        (OTHER.id, (OTHER, KEY, THIRD)),
        (THIRD.id, (THIRD, KEY, OTHER)),
        (None, (THIRD, KEY, OTHER)),
        ("of none", (KEY, OTHER, THIRD)),
    ],
    ids=["the newest", "the second", "the oldest", "not known", "of no key"],
)
def test_the_likeliest_key_is_tried_first(key_id: str | None, order: tuple[VapidKey, ...]) -> None:
    """Each once."""
    keyring = Keyring([VapidSigner(key, SUBJECT) for key in (KEY, OTHER, THIRD)])

    assert tuple(identity.key for identity in keyring.for_key(key_id)) == order


def test_a_key_is_called_by_the_beginning_of_its_public_text() -> None:
    """An operator finds it in /config and in the table."""
    assert KEY.public_text.startswith(KEY.id)
    assert len(KEY.id) == 8


def test_a_token_says_when_it_was_issued(vapid: VapidSigner) -> None:
    """Until it is renewed: an operator is told how old it is."""
    vapid.token(ORIGIN, NOW)

    assert [vapid.token(ORIGIN, NOW + ms).issued_at - NOW for ms in (0, 90_000, HALF_LIFE_MS)] == [
        0,
        0,
        HALF_LIFE_MS,
    ]
