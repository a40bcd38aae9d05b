"""What the server answers: every answer tells its time."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

Timestamp = Annotated[
    int,
    Field(
        description="The server's time, ms since the Unix epoch: set your clock by it.",
        examples=[1760000000000],
    ),
]


class Accepted(BaseModel):
    """Done: stored, or accepted by the recipient's push service."""

    ok: Annotated[Literal[True], Field(description="The call was carried out.")] = True
    timestamp: Timestamp


class OkResponse(Response):
    """`Accepted` as it is sent: always the same but for the time, which is *now*."""

    def __init__(self, now: int) -> None:
        self.status_code = 200
        self.background = None
        self.body = b'{"ok":true,"timestamp":%d}' % now
        self.raw_headers = [
            (b"content-length", b"%d" % len(self.body)),
            (b"content-type", b"application/json"),
        ]


class Refusal(BaseModel):
    """Not done, and why."""

    ok: Annotated[Literal[False], Field(description="The call was not carried out.")] = False
    timestamp: Timestamp
    code: Annotated[str, Field(description="Stable: branch on it.")]
    reason: Annotated[str, Field(description="One sentence for a person.")]
    errors: Annotated[list[str], Field(description="One entry per fault of the call; often empty.")] = []


class IceServer(BaseModel):
    """An entry of `RTCConfiguration.iceServers`."""

    urls: Annotated[list[str], Field(description="STUN or TURN URLs (RFC 7064, RFC 7065).")]
    username: Annotated[str | None, Field(description="For TURN: when it expires, and who.")] = None
    credential: Annotated[str | None, Field(description="For TURN: the password, good until then.")] = None


class Limits(BaseModel):
    """What a call must keep to."""

    clock_window_ms: Annotated[int, Field(description="How far a timestamp may be from the server's time.")]
    body_bytes: Annotated[int, Field(description="The largest body of a request.")]
    push_plaintext_bytes: Annotated[int, Field(description="The largest push message, before encryption.")]
    subscription_life_ms: Annotated[
        int, Field(description="How long a registration is kept when it isn't renewed.")
    ]


class Config(BaseModel):
    """What a client needs to start."""

    ok: Annotated[Literal[True], Field(description="Always true.")] = True
    timestamp: Timestamp
    vapid_public_key: Annotated[
        str,
        Field(description="`applicationServerKey` of `pushManager.subscribe()`: 65 bytes, base64url."),
    ]
    ice_servers: Annotated[
        list[IceServer], Field(description="`iceServers` for `RTCPeerConnection`; TURN credentials expire.")
    ]
    limits: Limits
