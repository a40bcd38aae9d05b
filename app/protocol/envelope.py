"""Envelope of a call `{"a": method, "b": data, "c": signature}`: parsing, clock window, then signature."""

from typing import Any, Generic, NamedTuple, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.protocol.constants import MAX_BODY_BYTES, MAX_FAULTS, SIGNATURE_BYTES
from app.protocol.errors import (
    BodyTooLarge,
    InvalidCall,
    NotACall,
    StaleTimestamp,
    UnknownMethod,
    WrongMethod,
)
from app.protocol.jcs import canonical, parse
from app.protocol.keys import decode
from app.protocol.messages import METHODS, Message, Update
from app.protocol.replay import digest_of

M_co = TypeVar("M_co", bound=Message, covariant=True)
_MEMBERS = {"a", "b", "c"}


class Call(NamedTuple, Generic[M_co]):
    """Verified call: its sender signed exactly *text*. Only `UnverifiedCall.verify` makes one."""

    message: M_co
    text: str
    signature: str
    digest: bytes


class UnverifiedCall(NamedTuple, Generic[M_co]):
    """Well-formed call within the clock window whose signature has not been verified yet."""

    message: M_co
    text: str
    signature: str
    raw_signature: bytes
    digest: bytes  # of the text: replays are known by it

    def verify(self) -> Call[M_co]:
        """Return the verified call. Raise `BadSignature` unless its sender signed it."""
        message, text, signature, raw_signature, digest = self
        message.sender.verify(text, raw_signature)
        return Call(message, text, signature, digest)


def read_call(body: bytes, kind: type[M_co], *, now: int, window: int) -> UnverifiedCall[M_co]:
    """Return the call in *body*, not verified yet; *kind* is the message type of the path, `Message` for any.

    *now* is the server's clock and *window* how far a timestamp may be from it, both in ms. All of this is
    cheap, so that the signature is looked at last. Raise the `Refused` that says what is wrong.
    """
    method, data, signature = _read_envelope(body)
    message, raw_signature = _read_message(_kind_of(method, kind), data, signature, now)
    check_fresh(message, now, window)
    text = canonical(data)
    return UnverifiedCall(cast("M_co", message), text, signature, raw_signature, digest_of(text))


def check_fresh(message: Message, now: int, window: int) -> None:
    """Raise `StaleTimestamp` if the message's timestamp is more than *window* ms from *now*."""
    sent_at: int | None = getattr(message, "sent_at", None)
    if sent_at is None or abs(now - sent_at) <= window:
        return
    side = "behind" if sent_at < now else "ahead of"
    raise StaleTimestamp(
        f"The timestamp is {abs(now - sent_at)} ms {side} the server's clock, {window} ms are allowed: "
        "set your clock by this answer's timestamp."
    )


def _read_envelope(body: bytes) -> tuple[str, dict[str, Any], str]:
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body is {len(body) - MAX_BODY_BYTES} bytes over {MAX_BODY_BYTES}.")
    value = parse(body)
    if not isinstance(value, dict):
        raise NotACall
    method, data, signature = value.get("a"), value.get("b"), value.get("c")
    if (
        isinstance(method, str)
        and isinstance(data, dict)
        and isinstance(signature, str)
        and len(value) == len(_MEMBERS)
    ):
        return method, data, signature
    raise NotACall(errors=_shape_faults(value))


def _shape_faults(value: dict[str, Any]) -> list[str]:
    expected = {"a": (str, "text"), "b": (dict, "an object"), "c": (str, "text")}
    faults = [
        f"{name}: must be {form}"
        for name, (kind, form) in expected.items()
        if not isinstance(value.get(name), kind)
    ]
    return faults + (["a call has no members but a, b and c"] if value.keys() - _MEMBERS else [])


def _kind_of(method: str, kind: type[Message]) -> type[Message]:
    found = METHODS.get(method)
    if found is None:
        raise UnknownMethod(errors=[f"a: must be one of {', '.join(METHODS)}"])
    if kind not in (found, Message):
        raise WrongMethod(f'a must be "{kind.method}" here.', errors=[f'a: must be "{kind.method}"'])
    return found


def _read_message(
    kind: type[Message], data: dict[str, Any], signature: str, now: int
) -> tuple[Message, bytes]:
    """Return the message in *data*, and the bytes of its signature."""
    faults: list[str] = []
    message = raw_signature = None
    try:
        message = kind.__pydantic_validator__.validate_python(data)
    except ValidationError as invalid:
        faults = _data_faults(kind, invalid)
    if message is not None and kind is Update:
        faults += _update_faults(cast("Update", message), now)
    try:
        raw_signature = decode(signature, SIGNATURE_BYTES)
    except ValueError as fault:
        faults.append(f"c: {fault}")
    if message is None or raw_signature is None or faults:
        raise InvalidCall(errors=faults[:MAX_FAULTS])
    return message, raw_signature


def _update_faults(update: Update, now: int) -> list[str]:
    faults = []
    if update.has_null and update.sent_at is None:
        faults.append("b.c: a timestamp is required to be forgotten")
    if update.device is not None and not update.has_null:
        faults.append("b.e: a device is ended with null in b")
    if update.has_expired(now) and update.sent_at is None:
        faults.append("b.b.b: the subscription has expired")
    return faults


def _data_faults(kind: type[Message], invalid: ValidationError) -> list[str]:
    faults = invalid.errors(include_url=False, include_input=False)
    # A member's name is the caller's text, so unknown ones are counted, never named.
    known = [_sentence(fault) for fault in faults if fault["type"] != "extra_forbidden"]
    unknown = len(faults) - len(known)
    return known + ([f"b: {unknown} unknown member(s) for {kind.method}"] if unknown else [])


def _sentence(fault: ErrorDetails) -> str:
    path = ".".join(["b", *(str(part) for part in fault["loc"])])
    reason = fault.get("ctx", {}).get("error") if fault["type"] == "value_error" else None
    said = fault["msg"]  # a pattern in it stays as it is
    return f"{path}: {reason or said[:1].lower() + said[1:]}"
