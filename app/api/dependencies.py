"""What the handlers are given: the running application's parts, by type."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from app.api.ice import IceServers
from app.api.insiders import Insiders
from app.api.limits import RateLimits, Room
from app.api.observe import Observer
from app.relay import Relay

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the lifespan opens, and every request can reach.

    *clock* is the time of the wire, which may jump; *ticks*, which limits go by, never does. Both in ms.
    """

    relay: Relay
    observer: Observer
    clock: Clock
    ticks: Clock
    clock_window_ms: int
    room: Room
    rate_limits: RateLimits
    insiders: Insiders
    vapid_public_key: str
    ice_servers: IceServers
    ready: Callable[[], Awaitable[None]]


class State(TypedDict):
    """The lifespan's state, as Starlette wants it."""

    parts: Parts


def parts(request: Request) -> Parts:
    """Return the running application's parts."""
    return cast("Parts", request.scope["state"]["parts"])


async def _parts(request: Request) -> Parts:
    return parts(request)  # not a coroutine, it would be called in a thread


PartsDep = Annotated[Parts, Depends(_parts)]
