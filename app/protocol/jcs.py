"""Strict JSON parser (RFC 8259, RFC 7493) and canonical printer (RFC 8785, JCS)."""

import json
from typing import Any, NoReturn

from pydantic_core import to_json

from app.protocol.errors import NotJson

_WHITE_SPACE = " \t\n\r"


def parse(body: bytes) -> object:
    """Return the JSON value of *body*.

    Raise `NotJson` for anything but strict UTF-8 JSON without a byte order mark, duplicate member, fraction,
    exponent, NaN, infinity or lone surrogate.
    """
    try:
        text = body.decode().strip(_WHITE_SPACE)
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8.") from None
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        raise NotJson from None
    if end != len(text):
        raise NotJson
    if "\\u" in text:  # only an escape can name a lone surrogate: UTF-8 has none
        _refuse_lone_surrogates(value)
    return value


def canonical(value: object) -> str:
    """Return the RFC 8785 text of *value*: objects, arrays, text, integers, booleans and null.

    Fractions never reach this: `parse` refuses them.
    """
    return to_json(_sort(value)).decode()  # it escapes exactly what RFC 8785, section 3.2.2.2, wants escaped


_SCALARS = {str, int, bool, type(None)}


def _sort(value: object) -> object:
    """Return *value* with the members of its objects sorted (RFC 8785, section 3.2.3)."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, dict):
        names = sorted(value, key=None if "".join(value).isascii() else _in_utf_16)
        return {name: item if type(item := value[name]) in _SCALARS else _sort(item) for name in names}
    if isinstance(value, list):
        return [_sort(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical text here")


def _in_utf_16(name: str) -> bytes:
    """Return what members are sorted by; for ASCII the same as the name itself."""
    return name.encode("utf-16-be")


def _no_duplicates(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise NotJson("A member stands twice in one object.")
    return found


def _no_fraction(_: str) -> NoReturn:
    raise NotJson("A number has a fraction or an exponent: whole numbers only.")


def _no_constant(_: str) -> NoReturn:
    raise NotJson("NaN and Infinity are not JSON.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_float=_no_fraction, parse_constant=_no_constant
)


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotJson("A text holds half of a surrogate pair.") from None
    except RecursionError:  # printing goes a little deeper than parsing
        raise NotJson from None
