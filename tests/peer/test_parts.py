"""Large values go in parts, and only whole ones come out."""

import json

import pytest

from tests.peer.errors import BrokenSeal
from tests.peer.parts import MAX_PARTS, MAX_VALUE_BYTES, PART_BYTES, Joining, TooLarge, in_parts
from tests.peer.sealing import Format, decrypt, encrypt, to_json

KEY = bytes(range(32))


@pytest.fixture
def joining() -> Joining:
    """Return what joins parts that nobody has sent yet."""
    return Joining("message", KEY)


def sealed(form: Format, content: bytes, method: str = "message") -> bytes:
    """Return a binary frame."""
    return encrypt(method, form, content, KEY)


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
def test_a_value_comes_back(joining: Joining, size: int) -> None:
    """With its last part, and not before."""
    value = {"text": "ü" * size}

    *first, last = [joining.take(part) for part in in_parts("message", to_json(value), KEY)]

    assert (first, last) == ([[]] * len(first), [value])


def test_parts_are_full_and_the_last_is_marked() -> None:
    """As docs/protocol.md says them."""
    parts = list(in_parts("message", bytes(PART_BYTES + 1), KEY))

    opened = [decrypt("message", part, KEY) for part in parts]

    assert [(form, len(content)) for form, content in opened] == [(Format.MORE, PART_BYTES), (Format.LAST, 1)]


def test_a_letter_may_be_cut_in_two(joining: Joining) -> None:
    """Parts are slices of bytes, not of text."""
    joining.take(sealed(Format.MORE, b'"\xc3'))

    assert joining.take(sealed(Format.LAST, b'\xbc"')) == ["ü"]


def test_one_value_after_another(joining: Joining) -> None:
    """Nothing of the first is left in the second."""
    assert [joining.take(sealed(Format.LAST, b"1")), joining.take(sealed(Format.LAST, b"2"))] == [[1], [2]]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"not sealed",
        sealed(Format.LAST, b"1", method="control"),
        sealed(Format.PLAIN, b"1"),
        sealed(Format.DEFLATED, b"1"),
    ],
    ids=["nothing", "not sealed", "for another channel", "whole", "deflated"],
)
def test_what_is_no_part_does_not_open(joining: Joining, frame: bytes) -> None:
    """A binary frame is a sealed part of a value."""
    with pytest.raises(BrokenSeal):
        joining.take(frame)


def test_parts_of_no_json_do_not_open(joining: Joining) -> None:
    """And what comes after them does."""
    with pytest.raises(BrokenSeal):
        joining.take(sealed(Format.LAST, b"{"))

    assert joining.take(sealed(Format.LAST, b"1")) == [1]


def test_the_largest_value_is_taken(joining: Joining) -> None:
    """The limit is the last size that works."""
    largest = json.dumps("x" * (MAX_VALUE_BYTES - 2)).encode()
    *first, last = in_parts("message", largest, KEY)
    for part in first:
        joining.take(part)

    assert joining.take(last) != []


def test_more_than_a_value_may_have_is_refused(joining: Joining) -> None:
    """Before it fills our memory."""
    joining.take(sealed(Format.MORE, bytes(MAX_VALUE_BYTES)))

    with pytest.raises(TooLarge):
        joining.take(sealed(Format.MORE, b"x"))


def test_empty_parts_have_an_end(joining: Joining) -> None:
    """They carry nothing, and still take memory."""
    empty = sealed(Format.MORE, b"")
    for _ in range(MAX_PARTS):
        joining.take(empty)

    with pytest.raises(TooLarge):
        joining.take(empty)
