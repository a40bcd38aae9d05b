"""How much of a request is read."""

from starlette.requests import ClientDisconnect, Request

from app.protocol.errors import BodyTooLarge, NotJson, UnsupportedEncoding
from app.protocol.limits import MAX_BODY_BYTES


async def read_body(request: Request) -> bytes:
    """Return the body, never more than `MAX_BODY_BYTES` of it.

    Raise `BodyTooLarge`, from its announced length where there is one, and `UnsupportedEncoding` for a
    compressed one, which is never inflated.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedEncoding
    _require_fits(int(request.headers.get("content-length", "0")))
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            _require_fits(len(body))
    except ClientDisconnect:
        raise NotJson("The body ended before its announced length.") from None
    return bytes(body)


def _require_fits(length: int) -> None:
    if length > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body is {length - MAX_BODY_BYTES} bytes over the {MAX_BODY_BYTES} allowed.")
