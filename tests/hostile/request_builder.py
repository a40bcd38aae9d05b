"""Builder of the requests of `requests.json`: a case becomes the bytes of a call.

Base, data, signature, envelope, compact JSON, text: what changes one of them comes after it, before the next.
"""

import gzip
import hashlib
import json
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from app.protocol.constants import MAX_BODY_BYTES
from tests.hostile.forgery import forged
from tests.people import Person
from tests.vector_files import vectors

Json = Any
Case = dict[str, Any]

VECTORS = vectors("requests.json")
CASES: dict[str, Case] = {case["name"]: case for case in VECTORS["cases"]}
CLOSED = None  # the status of a connection that ends without an answer

PEOPLE = {
    name: Person(
        Ed25519PrivateKey.from_private_bytes(b64decode(keys["ed25519_seed"])),
        X25519PrivateKey.from_private_bytes(b64decode(keys["x25519_seed"])),
    )
    for name, keys in VECTORS["keys"].items()
}

# Texts to try a forgery with, a millisecond apart; a key of order 8 needs eight or so.
FORGERIES = 200

MIB = 1024 * 1024

# Characters; shorter texts may stand anywhere by chance. The base's payload has so many.
TELLING = 8


@dataclass(frozen=True)
class CallContext:
    """Time of a call, by the server's clock in ms, and the sender in place of the vectors' Alice."""

    now: int
    speaker: str = "alice"


@dataclass(frozen=True)
class Built:
    """A call as it is sent, and the envelope that it was before its text was changed."""

    envelope: dict[str, Json]
    body: bytes


def statuses(case: Case) -> set[int | None]:
    """Return the statuses that *case* may end with; `CLOSED` for a connection that is just closed."""
    allowed = [status for name in case["expect"] for status in VECTORS["meta"]["classes"][name]]
    return {CLOSED if status == "closed" else status for status in allowed}


def build(case: Case, context: CallContext) -> Built:
    """Build *case* as it is in *context*."""
    envelope = _signed(case, context)
    for change in case.get("env", ()):
        _change(envelope, change, context)
    text = compact(envelope).encode()
    for change in case.get("raw", ()):
        text = _RAW[change["op"]](text, change, context)
    return Built(envelope, text)


def as_method(built: Built, method: str) -> Built:
    """Return the same data and signature as another method."""
    envelope = built.envelope | {"a": method}
    return Built(envelope, compact(envelope).encode())


def texts_in(value: Json) -> Iterator[str]:
    """Yield every text in *value* that is long enough to be known again, and is no timestamp."""
    if isinstance(value, str) and len(value) >= TELLING and not value.isdigit():
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts_in(member)


def compact(value: Json) -> str:
    """Print as `JSON.stringify` does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _signed(case: Case, context: CallContext) -> dict[str, Json]:
    for later in range(FORGERIES):
        data = _data(case, replace(context, now=context.now + later))
        signature = _signature(case, data, context)
        if signature is not None:
            return {"a": case["method"], "b": data, "c": b64encode(signature).decode()}
    raise AssertionError(f"no forgery was found for {case['name']!r}")


def _data(case: Case, context: CallContext) -> dict[str, Json]:
    data: dict[str, Json] = _value(VECTORS["base"][case["method"]], context)
    for change in case.get("data", ()):
        match change:
            case {"value": {"$": "payload_for_push_plaintext", **wanted}}:
                data["e"] = _payload(case["method"], data, wanted)
            case _:
                _change(data, change, context)
    return data


def _value(spec: Json, context: CallContext) -> Json:
    match spec:
        case {"$": "ed25519_public" | "x25519_public" as kind, "of": who, **rest}:
            key = VECTORS["keys"][context.speaker if who == "alice" else who][kind]
            return _encoded(b64decode(key), str(rest.get("enc", "b64")))
        case {"$": "now", "offset_ms": int(offset), **rest}:
            moment = (context.now + offset) // (1000 if rest.get("unit") == "s" else 1)
            return str(moment) if rest.get("as") == "string" else moment
        case {"$": "bytes", "hex": text, "enc": encoding}:
            return _encoded(bytes.fromhex(text), encoding)
        case {"$": "bytes", "repeat_hex": text, "times": times, "enc": encoding}:
            return _encoded(bytes.fromhex(text) * times, encoding)
        case dict() if "$" not in spec:
            return {name: _value(member, context) for name, member in spec.items()}
        case str() | int() | list() | None:
            return spec
        case _:
            raise AssertionError(f"not in this language: {spec}")


def _encoded(raw: bytes, encoding: str) -> str:
    if encoding == "b64url_padded":
        assert b64encode(raw) != urlsafe_b64encode(raw), "a key that both alphabets spell alike shows nothing"
        return urlsafe_b64encode(raw).decode()
    return b64encode(raw).decode() + {"b64": "", "b64_newline": "\n"}[encoding]


def _payload(method: str, data: dict[str, Json], wanted: dict[Any, Any]) -> str:
    """Return base64 that makes the push message the largest that fits, or the smallest that does not."""
    text = rfc8785.dumps(data | {"e": ""}).decode()
    empty = len(compact({"data": {"a": method, "b": text, "c": "A" * 88}}).encode())
    limit: int = wanted.get("largest_at_most") or wanted["smallest_over"]
    fours = (limit - empty) // 4 + ("smallest_over" in wanted)
    return "AAAA" * fours


def _signature(case: Case, data: dict[str, Json], context: CallContext) -> bytes | None:
    sign = case.get("sign", {})
    match sign:
        case {"hex": text}:
            return bytes.fromhex(text)
        case {"zero": True}:
            return bytes(64)
        case {"forge_small_order": key}:
            return forged(bytes.fromhex(key), rfc8785.dumps(data))
        case {"lenient": True}:  # numbers that RFC 8785 has no text for
            text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        case {"over": way}:
            text = _SIGNED_WRONGLY[way](case["method"], data)
        case _:
            text = rfc8785.dumps(data)
    return PEOPLE[sign.get("by", context.speaker)].key.sign(text)


_SIGNED_WRONGLY: dict[str, Callable[[str, dict[str, Json]], bytes]] = {
    "pretty": lambda _, data: json.dumps(data, indent=2).encode(),
    "reversed": lambda _, data: compact(_reversed(data)).encode(),
    "envelope": lambda method, data: rfc8785.dumps({"a": method, "b": data}),
    "sha512": lambda _, data: hashlib.sha512(rfc8785.dumps(data)).digest(),
    "empty": lambda *_: b"",
}


def _change(value: dict[str, Json], change: dict[str, Json], context: CallContext) -> None:
    *path, name = change["path"].split(".")
    for step in path:
        value = value[step]
    match change["op"]:
        case "set":
            value[name] = _value(change["value"], context)
        case "del":
            del value[name]
        case "stringify":
            value[name] = compact(value[name])
        case op:
            raise AssertionError(f"not in this language: {op}")


def _reversed(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    return {name: _reversed(member) for name, member in reversed(value.items())}


def _at(text: bytes, path: str) -> Json:
    value = json.loads(text)
    for step in path.split("."):
        value = value[step]
    return value


def _raw_number(text: bytes, change: dict[str, Json], _: CallContext) -> bytes:
    honest = str(_at(text, change["path"]))
    number = change.get("text") or change["repeat"] * change["times"]
    return _once(text, f":{honest}", f":{number.replace('{now}', honest)}")


def _duplicate(text: bytes, change: dict[str, Json], context: CallContext) -> bytes:
    name = change["path"].rpartition(".")[2]
    present = f'"{name}":{compact(_at(text, change["path"]))}'
    spelling = f"\\u{ord(name):04x}" if change.get("escaped") else name
    other = f'"{spelling}":{compact(_value(change["value"], context))}'
    both = [other, present] if change["where"] == "before" else [present, other]
    return _once(text, present, ",".join(both))


def _once(text: bytes, old: str, new: str) -> bytes:
    assert text.count(old.encode()) == 1, f"{old!r} is not there once"
    return text.replace(old.encode(), new.encode())


_RAW: dict[str, Callable[[bytes, dict[str, Json], CallContext], bytes]] = {
    "pretty": lambda text, *_: json.dumps(json.loads(text), indent=2).encode(),
    "reverse_members": lambda text, *_: compact(_reversed(json.loads(text))).encode(),
    "escape_names": lambda text, *_: re.sub(rb'"([a-z])":', lambda m: b'"\\u%04x":' % ord(m[1]), text),
    "escape_solidus": lambda text, *_: text.replace(b"/", b"\\/"),
    "literal": lambda _, change, __: change["text"].encode(),
    "append": lambda text, change, _: text + change["text"].encode(),
    "append_hex": lambda text, change, _: text + bytes.fromhex(change["hex"]),
    "prepend_hex": lambda text, change, _: bytes.fromhex(change["hex"]) + text,
    "encode": lambda text, change, _: text.decode().encode(change["to"]),
    "replace": lambda text, change, _: _once(text, change["from"], change["to"]),
    "duplicate": _duplicate,
    "raw_number": _raw_number,
    "pad_space_to": lambda text, change, _: text.ljust(
        MAX_BODY_BYTES + 1 if change["bytes"] == "L+1" else change["bytes"]
    ),
    "gzip": lambda text, *_: gzip.compress(text),
    # A member for each MiB: a gzip file may have several, and each is made of the same bytes.
    "gzip_zeros": lambda _, change, __: gzip.compress(bytes(MIB)) * (change["bytes"] // MIB),
}
