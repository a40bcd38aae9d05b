"""Interface between a connection and its signaling channel."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from aiortc import RTCIceServer

from whisper_peer.errors import PeerError, Reason

log = logging.getLogger(__name__)


class Relay(Protocol):
    """Function that sends a call to the other peer."""

    async def __call__(
        self,
        method: str,
        encryption_key: str | None = None,
        payload: str | None = None,
        **optional: str | None,
    ) -> None:
        """Return when the other's push service has it. Raise `PeerError` if it has not.

        *optional* are members by their names: `to_device`, `dial_key`.
        """


@dataclass(frozen=True, slots=True)
class SignalingTransport:
    """Signaling channel and ICE configuration of one connection."""

    relay: Relay
    ice_servers: Callable[[], Awaitable[list[RTCIceServer]]]
    on_dropped: Callable[[Reason], None]  # a message that does not open, or a limit that was exceeded
    trickle: bool = False  # send candidates in an `ice` call, before the description

    async def close(self, **optional: str | None) -> None:
        """Send a `close`, with *optional* members, to whoever can still be told."""
        try:
            await self.relay("close", **optional)
        except PeerError as trouble:
            log.info("close was not relayed: %s", trouble)
