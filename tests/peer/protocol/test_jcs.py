"""Canonical JSON of the peer, by the vectors of RFC 8785's authors."""

import json
from pathlib import Path

import pytest

from whisper_peer.protocol.jcs import canonical, parse

VECTORS = Path(__file__).parents[2] / "vectors" / "jcs"
NAMES = sorted(path.stem for path in (VECTORS / "input").glob("*.json"))
WITH_FRACTIONS = ["structures", "values"]


@pytest.mark.parametrize("name", NAMES)
def test_a_published_input_becomes_its_published_output(name: str) -> None:
    """Byte for byte, numbers with fractions included."""
    value = json.loads((VECTORS / "input" / f"{name}.json").read_text(encoding="utf-8"))

    assert canonical(value).encode() == bytes.fromhex((VECTORS / "outhex" / f"{name}.txt").read_text("ascii"))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_FRACTIONS])
def test_a_published_input_is_parsed(name: str) -> None:
    """What has whole numbers only is JSON of the protocol."""
    body = (VECTORS / "input" / f"{name}.json").read_bytes()

    assert parse(body) == json.loads(body)


@pytest.mark.parametrize("name", WITH_FRACTIONS)
def test_a_published_input_with_fractions_is_refused(name: str) -> None:
    """The protocol has whole numbers only."""
    with pytest.raises(ValueError, match="not whole"):
        parse((VECTORS / "input" / f"{name}.json").read_bytes())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"\xef\xbb\xbf1",
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b"1e3",
        b"NaN",
        b"-Infinity",
        b"9007199254740992",
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b"[" * 100_000,
        b"1 2",
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    """Parsers would read it differently, or not at all."""
    with pytest.raises(ValueError, match=r"."):
        parse(body)
