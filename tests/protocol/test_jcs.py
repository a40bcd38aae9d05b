"""JSON: one strict reading and one text."""

import json
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import pytest
import rfc8785
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.protocol.constants import MAX_INTEGER
from app.protocol.errors import NotJson
from app.protocol.jcs import canonical, parse

VECTORS = Path(__file__).parents[1] / "vectors" / "jcs"
NAMES = sorted(path.stem for path in (VECTORS / "input").glob("*.json"))
WITH_FRACTIONS = ["structures", "values"]
WHOLE = [name for name in NAMES if name not in WITH_FRACTIONS]

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

# Around the surrogates UTF-16 and UTF-8 order text differently.
TEXTS = st.text(
    st.characters(codec="utf-8") | st.sampled_from("\ud7ff\ue000\uffff\U00010000\U0010ffff\x00\x1f\x7f\u2028")
)
SCALARS: st.SearchStrategy[Json] = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20
)

PRINTERS = [json.JSONEncoder(), json.JSONEncoder(ensure_ascii=False, indent="\t"), json.JSONEncoder(indent=1)]

NOT_JSON = {
    "nothing": b"",
    "white space only": b" \r\n\t ",
    "byte order mark": b'\xef\xbb\xbf{"a":1}',
    "UTF-16 with a mark": '{"a":1}'.encode("utf-16"),
    "UTF-16 little endian": '{"a":1}'.encode("utf-16-le"),
    "UTF-16 big endian": '{"a":1}'.encode("utf-16-be"),
    "UTF-32 with a mark": '{"a":1}'.encode("utf-32"),
    "UTF-32 little endian": '{"a":1}'.encode("utf-32-le"),
    "Latin-1": b'"\xe9"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "surrogate in UTF-8": b'"\xed\xa0\x80"',
    "cut UTF-8": b'"\xf0\x9f\x98"',
    "duplicate": b'{"a":1,"a":1}',
    "duplicate by escape": b'{"a":1,"\\u0061":2}',
    "duplicate inside an object": b'{"x":{"a":1,"b":2,"a":3}}',
    "duplicate inside a list": b'[[{"a":null,"a":null}]]',
    "empty names twice": b'{"":1,"":2}',
    "fraction": b"1.5",
    "whole fraction": b"1760000000000.0",
    "exponent": b"1760000000000e0",
    "capital exponent": b"1E3",
    "huge exponent": b"1e400",
    "fraction deep inside": b'{"a":[{"b":0.5}]}',
    "NaN": b"NaN",
    "infinity": b"Infinity",
    "negative infinity": b'{"a":-Infinity}',
    "5000 digits": b"9" * 5000,
    "lone high surrogate": b'"\\ud800"',
    "lone low surrogate": b'"\\udc00"',
    "surrogates the wrong way round": b'"\\udc00\\ud800"',
    "lone surrogate as a name": b'{"\\ud800":1}',
    "lone surrogate deep inside": b'{"a":[{"b":{"\\udfff":1}}]}',
    "8000 open lists": b"[" * 8000,
    "8000 brackets": b"[" * 4000 + b"]" * 4000,
    "1600 objects": b'{"a":' * 1600,
    "trailing garbage": b'{"a":1}x',
    "two values": b"{}{}",
    "trailing NUL": b'{"a":1}\x00',
    "NUL": b"\x00",
    "NUL inside a text": b'"\x00"',
    "tabulator inside a text": b'"\t"',
    "line break inside a text": b'"\n"',
    "comment": b"{/*x*/}",
    "line comment": b"1 // one",
    "trailing comma": b"[1,]",
    "missing comma": b"[1 2]",
    "single quotes": b"{'a':1}",
    "name without quotes": b"{a:1}",
    "name that is a number": b"{1:1}",
    "leading zero": b"01",
    "plus sign": b"+1",
    "hexadecimal": b"0x10",
    "leading dot": b".5",
    "trailing dot": b"1.",
    "lone minus": b"-",
    "unknown escape": b'"\\x41"',
    "short escape": b'"\\u041"',
    "signed escape": b'"\\u+041"',
    "open text": b'"a',
    "open object": b'{"a":{"b":',
    "capitals": b"True",
    "no-break space": "\u00a01".encode(),
    "form": b"a=offer&b=x",
}

READINGS: dict[str, tuple[bytes, object]] = {
    "white space": (b' \r\n\t{ "a" :\n[ 1 , null ] } ', {"a": [1, None]}),
    "escaped name": (b'{"\\u0061":"\\/"}', {"a": "/"}),
    "surrogate pair": (b'"\\ud83d\\ude02"', "\U0001f602"),
    "raw astral character": ('"\U0001f602"'.encode(), "\U0001f602"),
    "escaped backslash before a u": (b'"\\\\ud800"', "\\ud800"),
    "escaped NUL": (b'"\\u0000"', "\x00"),
    "negative zero": (b"-0", 0),
    "one name at two depths": (b'{"a":{"a":1}}', {"a": {"a": 1}}),
    "one name in two objects": (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
    "literals": (b"[true,false,null]", [True, False, None]),
    "fifty lists": (b"[" * 50 + b"]" * 50, json.loads("[" * 50 + "]" * 50)),
}


def text_of(folder: str, name: str) -> str:
    """Return a vector's text."""
    return (VECTORS / folder / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WHOLE)
def test_a_published_input_becomes_its_published_output(name: str) -> None:
    """Where numbers are whole, our text is the one of RFC 8785's authors."""
    value = parse((VECTORS / "input" / f"{name}.json").read_bytes())

    assert canonical(value) == text_of("output", f"{name}.json").removesuffix("\n")


@pytest.mark.parametrize("name", WHOLE)
def test_a_published_input_becomes_its_published_bytes(name: str) -> None:
    """And so are its UTF-8 bytes."""
    value = parse((VECTORS / "input" / f"{name}.json").read_bytes())

    assert canonical(value).encode() == bytes.fromhex(text_of("outhex", f"{name}.txt"))


@pytest.mark.parametrize("name", WITH_FRACTIONS)
def test_a_published_input_with_fractions_is_refused(name: str) -> None:
    """The protocol has whole numbers only, so we refuse what RFC 8785 would print as ECMAScript does."""
    with pytest.raises(NotJson, match="whole numbers only"):
        parse((VECTORS / "input" / f"{name}.json").read_bytes())


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
@example({"\ue000": 1, "\U0001f600": 2, "\uffff": 3, "": 4})
@example({"a": MAX_INTEGER, "b": -MAX_INTEGER, "c": True, "d": 1})
def test_our_text_is_that_of_another_implementation(value: Json) -> None:
    """For every value the protocol knows, the `rfc8785` library prints the same bytes."""
    assert canonical(value).encode() == rfc8785.dumps(value)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_what_is_printed_is_read_back(value: Json) -> None:
    """To parse undoes to print, and to print again changes nothing."""
    text = canonical(value)

    read = parse(text.encode())

    assert (read, canonical(read)) == (value, text)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES, st.sampled_from(PRINTERS))
def test_spelling_does_not_matter(value: Json, printer: json.JSONEncoder) -> None:
    """Escapes and white space are not part of a value."""
    read = parse(printer.encode(value).encode())

    assert canonical(read) == canonical(value)


@pytest.mark.parametrize(("body", "value"), READINGS.values(), ids=READINGS)
def test_json_is_read_as_rfc_8259_says(body: bytes, value: object) -> None:
    """Strict is not narrow: whatever is JSON by the letter is read."""
    assert parse(body) == value


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    """What parsers read differently, or not at all, is never a call."""
    with pytest.raises(NotJson):
        parse(body)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=64) | st.text(st.sampled_from('{}[]",:\\u0d8eE+-.123 ntf')).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """There is no third outcome, and what was read can be printed."""
    try:
        value = parse(body)
    except NotJson:
        return

    assert parse(canonical(value).encode()) == value


@pytest.mark.parametrize("value", [1.0, b"a", (1,), {1}, float("nan")], ids=repr)
def test_a_value_that_parse_never_returns_has_no_text(value: object) -> None:
    """A fraction, bytes or a tuple would be a mistake of ours: better loud than signed."""
    with pytest.raises(TypeError):
        canonical([value])


@pytest.mark.parametrize("inside", [b"", b"1", b'"\\u0041"'], ids=["nothing", "a number", "an escape"])
def test_nesting_of_any_depth_is_read_or_refused(inside: bytes) -> None:
    """At no depth, not even the last that the parser bears, is there another exception."""
    read = []
    for depth in range(1, 1200):
        with suppress(NotJson):
            parse(b"[" * depth + inside + b"]" * depth)
            read.append(depth)

    assert read[:3] == [1, 2, 3]
