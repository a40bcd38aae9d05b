"""Bounded reading of a request's body."""

from collections.abc import Iterator, Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from app.api.errors import UnsupportedEncoding
from app.api.responses import Headers
from app.protocol.constants import MAX_BODY_BYTES
from app.protocol.errors import BodyTooLarge
from app.telemetry.request_log import FIELDS

_ENCODING = b"content-encoding"

MAX_LENGTH_DIGITS = 18  # of a Content-Length that is worth reading


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the body, never more than `MAX_BODY_BYTES` of it.

    Raise `BodyTooLarge`, from its announced length where there is one, `UnsupportedEncoding` for a
    compressed one, which is never inflated, and `ClientDisconnect` if its rest does not come.
    """
    _check_head(scope)
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _too_large(len(body))
        more = message.get("more_body", False)
    return body


def _check_head(scope: Scope) -> None:
    fields: Mapping[bytes, bytes] = scope[FIELDS]
    announced = fields.get(b"content-length", b"0")
    length = int(announced) if len(announced) <= MAX_LENGTH_DIGITS else MAX_BODY_BYTES + 1
    if length > MAX_BODY_BYTES:
        raise _too_large(length)
    if _ENCODING in fields and set(_codings(scope["headers"])) != {b"identity"}:
        raise UnsupportedEncoding


def _codings(headers: Headers) -> Iterator[bytes]:
    return (value for name, value in headers if name == _ENCODING)


def _too_large(length: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is {length - MAX_BODY_BYTES} bytes over the {MAX_BODY_BYTES} allowed.")
