"""Bounded reading of a request's body."""

from starlette.types import Receive, Scope

from app.api.errors import UnsupportedEncoding
from app.protocol.constants import MAX_BODY_BYTES
from app.protocol.errors import BodyTooLarge, NotJson

MAX_LENGTH_DIGITS = 18  # of a Content-Length that is worth reading


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the body, never more than `MAX_BODY_BYTES` of it.

    Raise `BodyTooLarge`, from its announced length where there is one, and `UnsupportedEncoding` for a
    compressed one, which is never inflated.
    """
    _check_head(scope["headers"])
    chunks, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise NotJson("The body ended before its announced length.")
        chunks.append(message.get("body", b""))
        length += len(chunks[-1])
        _require_fits(length)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _check_head(headers: list[tuple[bytes, bytes]]) -> None:
    for name, value in headers:
        if name == b"content-length":
            _require_fits(int(value) if len(value) <= MAX_LENGTH_DIGITS else MAX_BODY_BYTES + 1)
        elif name == b"content-encoding" and value != b"identity":
            raise UnsupportedEncoding


def _require_fits(length: int) -> None:
    if length > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body is {length - MAX_BODY_BYTES} bytes over the {MAX_BODY_BYTES} allowed.")
