"""What the handlers are given: the running application's parts, by type."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol, TypedDict, cast

from fastapi import Depends, Request

from app.api.answers import Accepted
from app.api.ice import IceServers
from app.protocol.envelope import Call
from app.protocol.messages import Message
from app.relay import Relay

Clock = Callable[[], int]
Carry = Callable[[Call[Message]], Awaitable[Accepted]]


class State(TypedDict):
    """What the lifespan opens, and every request can reach."""

    relay: Relay
    clock: Clock
    clock_window_ms: int
    vapid_public_key: str
    ice_servers: IceServers
    ready: Callable[[], Awaitable[None]]


class _Parts(Protocol):
    relay: Relay
    clock: Clock
    clock_window_ms: int
    vapid_public_key: str
    ice_servers: IceServers
    ready: Callable[[], Awaitable[None]]


def parts(request: Request) -> _Parts:
    """Return the state by attribute, as Starlette keeps it."""
    return cast("_Parts", request.state)


Parts = Annotated[_Parts, Depends(parts)]


def _carry(request: Request) -> Carry:
    state = parts(request)

    async def carry(call: Call[Message]) -> Accepted:
        await state.relay.carry(call, state.clock())
        return Accepted(timestamp=state.clock())

    return carry


Relayed = Annotated[Carry, Depends(_carry)]
