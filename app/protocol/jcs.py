"""Strict JSON parser (RFC 8259, RFC 7493) and canonical printer (RFC 8785, JCS)."""

import json
from json.encoder import encode_basestring
from typing import Any, NoReturn

from app.protocol.errors import NotJson


def parse(body: bytes) -> object:
    """Return the JSON value of *body*.

    Raise `NotJson` for anything but strict UTF-8 JSON without a byte order mark, duplicate member, fraction,
    exponent, NaN, infinity or lone surrogate.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8.") from None
    try:
        value: object = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise NotJson from None
    if "\\u" in text:  # only an escape can name a lone surrogate: UTF-8 has none
        _refuse_lone_surrogates(value)
    return value


def canonical(value: object) -> str:
    """Return the RFC 8785 text of *value*: objects, arrays, text, integers, booleans and null.

    Fractions never reach this: `parse` refuses them.
    """
    match value:
        case str():
            return _text(value)
        case dict():
            names = sorted(value, key=None if "".join(value).isascii() else _in_utf_16)
            return "{" + ",".join([f"{_text(name)}:{canonical(value[name])}" for name in names]) + "}"
        case list():
            return "[" + ",".join([canonical(item) for item in value]) + "]"
        case None | bool():
            return json.dumps(value)
        case int():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical text here")


# Escapes exactly what RFC 8785, section 3.2.2.2, wants escaped, in its spelling.
_text = encode_basestring


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
