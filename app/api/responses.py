"""JSON responses of the API: acceptance and refusal, each with the server's time."""

import json
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from app.api.errors import MethodNotAllowed
from app.protocol.errors import BodyTooLarge, Refused
from app.registration import Registration

Headers = list[tuple[bytes, bytes]]

_REASONS_KEPT = 128

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

Timestamp = Annotated[
    int,
    Field(
        description="The server's time, ms since the Unix epoch: set your clock by it.",
        examples=[1760000000000],
    ),
]


class IceServer(BaseModel):
    """An entry of `RTCConfiguration.iceServers`."""

    urls: Annotated[list[str], Field(description="STUN or TURN URLs (RFC 7064, RFC 7065).")]
    username: Annotated[str | None, Field(description="For TURN: when it expires, and who.")] = None
    credential: Annotated[str | None, Field(description="For TURN: the password, good until then.")] = None


class Device(BaseModel):
    """A live subscription of an address."""

    id: Annotated[str, Field(description="12 characters of base64url, opaque.")]
    updated: Annotated[int, Field(description="When it was last registered, ms since the Unix epoch.")]


class Accepted(BaseModel):
    """Answer to a call that was carried out: stored, or accepted by the recipient's push service."""

    ok: Annotated[Literal[True], Field(description="The call was carried out.")] = True
    timestamp: Timestamp
    device: Annotated[
        str | None,
        Field(description="To an `update` that registers with a timestamp: the id of this device."),
    ] = None
    devices: Annotated[
        list[Device] | None,
        Field(description="To an `update` of a registered address with a timestamp: its live devices."),
    ] = None
    ice_servers: Annotated[
        list[IceServer] | None,
        Field(
            description="To an `update` of a registered address, if there is a TURN server: "
            "`iceServers` with credentials for an hour.",
        ),
    ] = None


class Refusal(BaseModel):
    """Answer to a call that was refused, with the reason."""

    ok: Annotated[Literal[False], Field(description="The call was not carried out.")] = False
    timestamp: Timestamp
    code: Annotated[str, Field(description="Stable: branch on it.")]
    reason: Annotated[str, Field(description="One sentence for a person.")]
    errors: Annotated[list[str], Field(description="One entry per fault of the call; often empty.")] = []


class HttpResponse(NamedTuple):
    """Whole HTTP response, which is the ASGI application that sends it."""

    status: int
    headers: Headers
    body: bytes

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it; middleware may add to the copy of its headers."""
        await send({"type": "http.response.start", "status": self.status, "headers": [*self.headers]})
        await send({"type": "http.response.body", "body": self.body})


def acceptance(
    now: int, registration: Registration | None = None, ice_servers: object = None
) -> HttpResponse:
    """Return `Accepted` as it is sent; *now* in ms."""
    body = b'{"ok":true,"timestamp":%d}' % now  # the model would print the same, at ten times the cost
    if registration is not None:
        told = {
            "device": registration.device,
            "devices": [{"id": each.device, "updated": each.updated_at} for each in registration.devices],
            "ice_servers": ice_servers,
        }
        given = {name: value for name, value in told.items() if value is not None}
        body = _ENCODER.encode({"ok": True, "timestamp": now, **given}).encode()
    return HttpResponse(200, _json_headers(body), body)


def refusal(now: int, refused: Refused) -> HttpResponse:
    """Return the answer that tells a client why it was *refused*; *now* in ms."""
    # As `Refusal` prints it.
    body = b'{"ok":false,"timestamp":%d,%b}' % (now, _encode(refused.code, refused.reason, *refused.errors))
    return HttpResponse(refused.status, [*_json_headers(body), *_refusal_headers(refused)], body)


@lru_cache(_REASONS_KEPT)
def _encode(code: str, reason: str, *errors: str) -> bytes:
    """Return the members of a refusal; a server without room writes the same ones thousands of times."""
    return _ENCODER.encode({"code": code, "reason": reason, "errors": errors})[1:-1].encode()


def _json_headers(body: bytes) -> Headers:
    return [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]


def _refusal_headers(refused: Refused) -> Headers:
    headers: Headers = []
    if refused.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refused.retry_after))
    if isinstance(refused, BodyTooLarge):
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    if isinstance(refused, MethodNotAllowed):
        headers.append((b"allow", refused.allow.encode()))
    return headers
