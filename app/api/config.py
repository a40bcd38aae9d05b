"""Client configuration, as `/config` serves it: VAPID key, ICE servers and limits."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.api.ice_servers import IceServers
from app.api.responses import IceServer, Timestamp
from app.protocol.constants import MAX_BODY_BYTES, MAX_PLAINTEXT_BYTES, SUBSCRIPTION_LIFE_MS


class Limits(BaseModel):
    """Limits of a call."""

    clock_window_ms: Annotated[int, Field(description="How far a timestamp may be from the server's time.")]
    body_bytes: Annotated[int, Field(description="The largest body of a request.")] = MAX_BODY_BYTES
    push_plaintext_bytes: Annotated[
        int, Field(description="The largest push message, before encryption.")
    ] = MAX_PLAINTEXT_BYTES
    subscription_life_ms: Annotated[
        int, Field(description="How long a registration is kept when it isn't renewed.")
    ] = SUBSCRIPTION_LIFE_MS


class Config(BaseModel):
    """Client configuration."""

    ok: Annotated[Literal[True], Field(description="Always true.")] = True
    timestamp: Timestamp
    vapid_public_key: Annotated[
        str,
        Field(description="`applicationServerKey` of `pushManager.subscribe()`: 65 bytes, base64url."),
    ]
    ice_servers: Annotated[
        list[IceServer],
        Field(description="`iceServers` for `RTCPeerConnection`: STUN, for anybody."),
    ]
    turn: Annotated[
        bool, Field(description="Whether the answer to a registered address's `update` adds TURN servers.")
    ]
    limits: Limits


class ClientConfig:
    """Source of `Config`, with the present time."""

    def __init__(self, vapid_public_key: str, ice_servers: IceServers, clock_window_ms: int) -> None:
        self._vapid_public_key = vapid_public_key
        self._ice_servers = ice_servers
        self._limits = Limits(clock_window_ms=clock_window_ms)

    def at(self, now: int) -> Config:
        """Return the configuration at *now*, in ms."""
        return Config(
            timestamp=now,
            vapid_public_key=self._vapid_public_key,
            ice_servers=[IceServer.model_validate(server) for server in self._ice_servers.stun],
            turn=self._ice_servers.has_turn,
            limits=self._limits,
        )
