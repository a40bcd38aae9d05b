"""How a connection reaches the world: given by the peer, or by a test."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from aiortc import RTCIceServer


class Relay(Protocol):
    """Brings a call to the other."""

    async def __call__(
        self, method: str, encryption_key: str | None = None, payload: str | None = None
    ) -> None:
        """Return when the other's push service has it. Raise `Trouble` if it has not."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a connection needs of the world."""

    relay: Relay
    ice_servers: Callable[[], Awaitable[list[RTCIceServer]]]
    on_broken: Callable[[], None]  # a message on the data channel that does not open
    trickle: bool = False  # send candidates in an `ice` call, before the description
