"""Bounded reading of a request's body."""

from starlette.requests import Request

from app.api.errors import UnsupportedEncoding
from app.protocol.errors import BodyTooLarge, NotJson
from app.protocol.numbers import MAX_BODY_BYTES

MAX_LENGTH_DIGITS = 18  # of a Content-Length that is worth reading


async def read_body(request: Request) -> bytes:
    """Return the body, never more than `MAX_BODY_BYTES` of it.

    Raise `BodyTooLarge`, from its announced length where there is one, and `UnsupportedEncoding` for a
    compressed one, which is never inflated.
    """
    headers: dict[bytes, bytes] = dict(request.scope["headers"])
    if b"content-encoding" in headers and set(request.headers.getlist("content-encoding")) != {"identity"}:
        raise UnsupportedEncoding
    announced = headers.get(b"content-length", b"0")
    _require_fits(int(announced) if len(announced) <= MAX_LENGTH_DIGITS else MAX_BODY_BYTES + 1)
    chunks, length, more = [], 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise NotJson("The body ended before its announced length.")
        chunks.append(message.get("body", b""))
        length += len(chunks[-1])
        _require_fits(length)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _require_fits(length: int) -> None:
    if length > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body is {length - MAX_BODY_BYTES} bytes over the {MAX_BODY_BYTES} allowed.")
