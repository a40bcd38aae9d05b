"""Push subscriptions, read strictly where it is a risk, and as browsers write them where it is not."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from app.protocol.constants import MAX_ENDPOINT_BYTES
from app.protocol.subscription import Endpoint, parse_auth, parse_p256dh

VECTORS = Path(__file__).parents[1] / "vectors"
WYCHEPROOF = json.loads((VECTORS / "wycheproof/ecdh_secp256r1_ecpoint_test.json").read_text(encoding="utf-8"))
SSRF = json.loads((VECTORS / "ssrf.json").read_text(encoding="utf-8"))
RFC_8291 = json.loads((VECTORS / "rfc/rfc8291-appendix-a.json").read_text(encoding="utf-8"))

POINTS = WYCHEPROOF["testGroups"][0]["tests"]
VALID = {
    f"{case['tcId']} {case['comment']}": case["public"]
    for case in POINTS
    if case["result"] == "valid" and case["public"].startswith("04")
}
INVALID = {
    f"{case['tcId']} {case['comment']}": case["public"]
    for case in POINTS
    if case["public"] not in VALID.values()
}
DELIVERED = {
    case["id"]: case["url"]
    for case in SSRF["cases"]
    if case["public"] == "deliver" and isinstance(case["url"], str)
}

P256DH = bytes.fromhex(
    "042571b2becdfde360551aaf1ed0f4cd366c11cebe555f89bcb7b186a53339173168ece2ebe018597bd30479b86e3c8f"
    "8eced577ca59187e9246990db682008b0e"
)
AUTH = bytes.fromhex("fbeffe0102030405060708090a0b0cff")

SPELLINGS: dict[str, Callable[[bytes], str]] = {
    "standard": lambda raw: b64encode(raw).decode(),
    "standard without padding": lambda raw: b64encode(raw).decode().rstrip("="),
    "url": lambda raw: urlsafe_b64encode(raw).decode(),
    "url without padding": lambda raw: urlsafe_b64encode(raw).decode().rstrip("="),
}

NOT_BASE64: dict[str, Callable[[str], str]] = {
    "line break": lambda text: text[:10] + "\n" + text[10:],
    "trailing line break": lambda text: text + "\n",
    "space": lambda text: " " + text,
    "padding inside": lambda text: "A=" + text[2:],
    "three padding characters": lambda text: text.rstrip("=") + "===",
    "percent escape": lambda text: "%41" + text[1:],
    "other letters": lambda text: "é" + text[1:],
    "full-width letters": lambda text: "\uff21" + text[1:],
    "NUL": lambda text: text + "\x00",
    "data URI": lambda text: "data:;base64," + text,
    "one character too many": lambda text: text.rstrip("=") + "AAA",
}

NOT_TEXT: list[object] = [None, True, 0, 1.5, [], {}, b"BA==", ["https://push.example.org/x"]]

REFUSED_ENDPOINTS = {
    "http upper case": "HTTPS://push.example.org/x",
    "host in capitals": "https://Push.example.org/x",
    "port beyond 65535": "https://push.example.org:65536/x",
    "no path": "https://push.example.org",
    "query without path": "https://push.example.org?x",
    "fragment": "https://push.example.org/x#y",
    "empty fragment": "https://push.example.org/x#",
    "user": "https://user@push.example.org/x",
    "empty port": "https://push.example.org:/x",
    "port with a sign": "https://push.example.org:+443/x",
    "port with a leading zero": "https://push.example.org:0443/x",
    "port of six digits": "https://push.example.org:100000/x",
    "port in other digits": "https://push.example.org:\u0664\u0664\u0663/x",
    "trailing dot": "https://push.example.org./x",
    "empty label": "https://push..example.org/x",
    "label that ends with a hyphen": "https://push-.example.org/x",
    "underscore": "https://push_.example.org/x",
    "trailing line break": "https://push.example.org/x\n",
    "line break in the query": "https://push.example.org/x?a\nb",
    "dot segment": "https://push.example.org/./x",
    "dot segment at the end": "https://push.example.org/x/..",
    "half encoded dot segment": "https://push.example.org/.%2E/x",
    "encoded dot segment": "https://push.example.org/%2e/x",
    "escape cut short": "https://push.example.org/%4",
    "escape that is none": "https://push.example.org/?%gg",
    "brackets in the path": "https://push.example.org/[x]",
    "bar": "https://push.example.org/a|b",
    "caret": "https://push.example.org/a^b",
    "backslash": "https://push.example.org\\x",
    "letter beyond ASCII": "https://push.example.org/é",
    "lone surrogate": "https://push.example.org/\ud800",
    "another scheme": "ws://push.example.org/x",
}

# AppState of URLs, and characters that URL parsers are known to read differently.
HOSTS = ["push.example.org", "127.0.0.1", "1.2", "0x7f.1", "xn--bcher-kva.example", "x", "A.example"]
HOSTS += ["[::1]", "a_b", "user@a.example", "a.example."]
JUNK = [
    *"/.?#@:;&%\\ \t\n\x00|*'!~$=-7xé\u3002\uff0e",
    "//",
    "/..",
    "%2e",
    "%2F",
    "%40",
    "%0d%0a",
    ":443",
    ":8443",
]
URLS = st.tuples(
    st.sampled_from(["https://", "http://", "//", ""]),
    st.sampled_from(HOSTS),
    st.sampled_from(["", ":443", ":80", ":8443", ":0", ":", ":0443"]),
    st.sampled_from(["/", "/a/b", "/?", "", "/a?b=c"]),
    st.lists(st.sampled_from(JUNK), max_size=4).map("".join),
).map("".join)


def is_key(point: str) -> bool:
    """Tell whether *point*, in hexadecimal, is taken, and for what it is."""
    raw = bytes.fromhex(point)
    try:
        return parse_p256dh(urlsafe_b64encode(raw).decode()) == raw
    except ValueError:
        return False


def test_valid_wycheproof_points_are_keys() -> None:
    """Edge cases of the arithmetic are points like any other."""
    assert [name for name, point in VALID.items() if not is_key(point)] == []


@pytest.mark.parametrize("point", INVALID.values(), ids=INVALID)
def test_any_other_wycheproof_point_is_refused(point: str) -> None:
    """Off the curve, an attacker would learn of our key; compressed, browsers would not know it."""
    text = urlsafe_b64encode(bytes.fromhex(point)).decode()

    with pytest.raises(ValueError, match=r"^(is not an uncompressed point on P-256|must be 65 bytes)"):
        parse_p256dh(text)


@pytest.mark.parametrize("first", [0, 2, 3, 5, 6, 7])
def test_a_p256dh_is_uncompressed(first: int) -> None:
    """65 bytes that begin with anything but 4 are another form, or none."""
    text = b64encode(bytes([first]) + P256DH[1:]).decode()

    with pytest.raises(ValueError, match="uncompressed point on P-256"):
        parse_p256dh(text)


def test_the_point_at_infinity_is_no_key() -> None:
    """Nor is 65 bytes of almost nothing."""
    with pytest.raises(ValueError, match="uncompressed point on P-256"):
        parse_p256dh(b64encode(b"\x04" + bytes(64)).decode())


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_p256dh_is_read_in_either_alphabet(spell: Callable[[bytes], str]) -> None:
    """`toJSON()` gives unpadded base64url, other clients padded standard base64."""
    assert parse_p256dh(spell(P256DH)) == P256DH


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_an_auth_is_read_in_either_alphabet(spell: Callable[[bytes], str]) -> None:
    """As the other key is."""
    assert parse_auth(spell(AUTH)) == AUTH


def test_the_keys_of_the_rfc_are_read() -> None:
    """RFC 8291, appendix A, writes them as a browser does."""
    keys = parse_p256dh(RFC_8291["ua_public"]), parse_auth(RFC_8291["auth_secret"])

    assert [len(key) for key in keys] == [65, 16]


@pytest.mark.parametrize("length", [0, 1, 33, 64, 66, 130])
def test_a_p256dh_has_65_bytes(length: int) -> None:
    """And says how many were there."""
    with pytest.raises(ValueError, match=f"must be 65 bytes, not {length}$"):
        parse_p256dh(b64encode((P256DH * 2)[:length]).decode())


@pytest.mark.parametrize("length", [0, 1, 15, 17, 32])
def test_an_auth_has_16_bytes(length: int) -> None:
    """And says how many were there."""
    with pytest.raises(ValueError, match=f"must be 16 bytes, not {length}$"):
        parse_auth(b64encode((AUTH * 2)[:length]).decode())


@pytest.mark.parametrize("spoil", NOT_BASE64.values(), ids=NOT_BASE64)
def test_keys_in_something_else_than_base64_are_refused(spoil: Callable[[str], str]) -> None:
    """Lenient to browsers, not to junk that decoders skip."""
    with pytest.raises(ValueError, match=r"^(is not base64|must be)"):
        parse_auth(spoil(b64encode(AUTH).decode()))


@pytest.mark.parametrize("value", NOT_TEXT, ids=repr)
@pytest.mark.parametrize("parse", [parse_p256dh, parse_auth, Endpoint.parse])
def test_every_part_of_a_subscription_is_text(parse: Callable[[object], object], value: object) -> None:
    """No other JSON value is taken for one."""
    with pytest.raises(ValueError, match=r"^(is not base64|must be text)"):
        parse(value)


@pytest.mark.parametrize("url", DELIVERED.values(), ids=DELIVERED)
def test_an_honest_endpoint_is_kept_to_the_letter(url: str) -> None:
    """Its host is the one that another parser finds, and nothing of it is rewritten."""
    endpoint = Endpoint.parse(url)

    assert (endpoint.url, endpoint.host, endpoint.port) == (url, urlsplit(url).hostname, 443)


@pytest.mark.parametrize("url", REFUSED_ENDPOINTS.values(), ids=REFUSED_ENDPOINTS)
def test_an_endpoint_outside_the_grammar_is_refused(url: str) -> None:
    """What two URL parsers could read differently is no endpoint."""
    with pytest.raises(ValueError, match="not a plain https URL"):
        Endpoint.parse(url)


@settings(deadline=None, max_examples=300)
@given(URLS)
def test_every_parser_reads_an_endpoint_alike(url: str) -> None:
    """Whatever is accepted, other parsers find the same scheme, host, port and path in it."""
    try:
        endpoint = Endpoint.parse(url)
    except ValueError:
        return

    standard, sent, other = urlsplit(url), URL(url, encoded=True), httpx.URL(url)
    hosts = standard.hostname, sent.raw_host, other.raw_host.decode()
    assert hosts == (endpoint.host,) * 3
    assert {standard.scheme, sent.scheme, other.scheme} == {endpoint.scheme}
    assert sent.port == endpoint.port
    assert standard.path == sent.raw_path == other.raw_path.decode().partition("?")[0]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://push.example.org/x?y", "https://push.example.org"),
        ("https://push.example.org:443/x", "https://push.example.org"),
        ("https://push.example.org:8443/x", "https://push.example.org:8443"),
        ("https://push.example.org:80/x", "https://push.example.org:80"),
        ("http://127.0.0.1:80/x", "http://127.0.0.1"),
        ("http://127.0.0.1:8100/x", "http://127.0.0.1:8100"),
        ("http://localhost:443/x", "http://localhost:443"),
    ],
)
def test_an_origin_leaves_out_the_port_of_its_scheme(url: str, origin: str) -> None:
    """RFC 6454: it is the audience of a VAPID token, compared to the letter."""
    assert Endpoint.parse(url).origin == origin


def test_an_endpoint_may_be_as_long_as_the_limit() -> None:
    """UnifiedPush allows 1000 bytes."""
    url = "https://push.example.org/".ljust(MAX_ENDPOINT_BYTES, "a")

    assert Endpoint.parse(url).url == url


def test_an_endpoint_longer_than_the_limit_is_refused() -> None:
    """One byte more is too many, and the limit is said."""
    url = "https://push.example.org/".ljust(MAX_ENDPOINT_BYTES + 1, "a")

    with pytest.raises(ValueError, match=f"at most {MAX_ENDPOINT_BYTES} bytes"):
        Endpoint.parse(url)


@pytest.mark.parametrize("host", ["a" * 63 + ".example.org", "a." * 125 + "org"], ids=["label", "name"])
def test_a_host_may_be_as_long_as_dns_allows(host: str) -> None:
    """RFC 1035, section 2.3.4: 63 characters a label, 253 in all."""
    assert Endpoint.parse(f"https://{host}/").host == host


@pytest.mark.parametrize(
    "host", ["a" * 64 + ".example.org", "aa." + "a." * 124 + "org"], ids=["label", "name"]
)
def test_a_host_longer_than_dns_allows_is_refused(host: str) -> None:
    """No resolver finds it."""
    with pytest.raises(ValueError, match="not a plain https URL"):
        Endpoint.parse(f"https://{host}/")


def test_an_endpoint_does_not_show_its_secret() -> None:
    """Who knows the path can send to it: a log has the push service only."""
    assert (
        repr(Endpoint.parse("https://push.example.org/s3cr3t?t0k3n"))
        == "Endpoint(https://push.example.org/…)"
    )
