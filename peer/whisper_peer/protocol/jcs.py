"""Strict JSON (RFC 8259, RFC 7493) and its canonical text (RFC 8785)."""

import json
from typing import Any, NoReturn

import rfc8785


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the RFC 8785 text of *value*. Raise `ValueError` if it has none."""
    return rfc8785.dumps(value).decode()


def parse(body: bytes) -> object:
    """Return the JSON value of *body*.

    Raise `ValueError` for anything but UTF-8 JSON of whole numbers up to 2^53 - 1, without a byte order mark,
    duplicate member or lone surrogate.
    """
    try:
        value: object = json.loads(
            body.decode(),
            object_pairs_hook=_unique_members,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
        canonical(value)  # has no text for lone surrogates and integers that doubles can't hold
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return value


def _unique_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("has a member twice")
    return found


def _refuse_number(_: str) -> NoReturn:
    raise ValueError("has a number that is not whole")
