"""Fragmentation of large values, of which only whole ones come out."""

import json

import pytest

from whisper_peer.channels.byte_budget import ByteBudget
from whisper_peer.channels.fragments import (
    FRAGMENT_BYTES,
    MAX_FRAGMENTS,
    MAX_VALUE_BYTES,
    Reassembler,
    fragment,
)
from whisper_peer.errors import BrokenSeal, OverLimit
from whisper_peer.protocol.sealing import Format, decrypt, encrypt, to_json

KEY = bytes(range(32))


@pytest.fixture
def reassembler() -> Reassembler:
    """Return what joins parts that nobody has sent yet."""
    return Reassembler("message", KEY, accepted_budget())


def accepted_budget() -> ByteBudget:
    """Return the budget of an accepted connection."""
    budget = ByteBudget()
    budget.extend()
    return budget


def sealed(form: Format, content: bytes, method: str = "message") -> bytes:
    """Return a binary frame."""
    return encrypt(method, form, content, KEY)


@pytest.mark.parametrize("size", [0, 1, FRAGMENT_BYTES, FRAGMENT_BYTES + 1, 3 * FRAGMENT_BYTES])
def test_a_value_comes_back(reassembler: Reassembler, size: int) -> None:
    """With its last part, and not before."""
    value = {"text": "ü" * size}

    *first, last = [reassembler.add(part) for part in fragment("message", to_json(value), KEY)]

    assert (first, last) == ([None] * len(first), to_json(value))


def test_parts_are_full_and_the_last_is_marked() -> None:
    """As docs/protocol.md says them."""
    parts = list(fragment("message", bytes(FRAGMENT_BYTES + 1), KEY))

    opened = [decrypt("message", part, KEY) for part in parts]

    assert [(form, len(content)) for form, content in opened] == [
        (Format.MORE, FRAGMENT_BYTES),
        (Format.LAST, 1),
    ]


def test_a_letter_may_be_cut_in_two(reassembler: Reassembler) -> None:
    """Parts are slices of bytes, not of text."""
    reassembler.add(sealed(Format.MORE, b'"\xc3'))

    assert reassembler.add(sealed(Format.LAST, b'\xbc"')) == '"ü"'.encode()


def test_one_value_after_another(reassembler: Reassembler) -> None:
    """Nothing of the first is left in the second."""
    assert [reassembler.add(sealed(Format.LAST, b"1")), reassembler.add(sealed(Format.LAST, b"2"))] == [
        b"1",
        b"2",
    ]


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
def test_what_is_no_part_does_not_open(reassembler: Reassembler, frame: bytes) -> None:
    """A binary frame is a sealed part of a value."""
    with pytest.raises(BrokenSeal):
        reassembler.add(frame)


def test_the_largest_value_is_taken(reassembler: Reassembler) -> None:
    """The limit is the last size that works."""
    largest = json.dumps("x" * (MAX_VALUE_BYTES - 2)).encode()
    *first, last = fragment("message", largest, KEY)
    for part in first:
        reassembler.add(part)

    assert reassembler.add(last) is not None


def test_more_than_a_value_may_have_is_refused(reassembler: Reassembler) -> None:
    """Before it fills our memory."""
    reassembler.add(sealed(Format.MORE, bytes(MAX_VALUE_BYTES)))

    with pytest.raises(OverLimit):
        reassembler.add(sealed(Format.MORE, b"x"))


def test_empty_parts_have_an_end(reassembler: Reassembler) -> None:
    """They carry nothing, and still take memory."""
    empty = sealed(Format.MORE, b"")
    for _ in range(MAX_FRAGMENTS):
        reassembler.add(empty)

    with pytest.raises(OverLimit):
        reassembler.add(empty)
