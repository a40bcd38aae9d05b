"""What the handlers are given: the running application's parts, by type."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from app.api.ice_servers import IceServers
from app.api.metrics_access import MetricsAccess
from app.limits.concurrency import ConcurrencyLimit
from app.limits.rate_limits import RateLimits
from app.relay import Relay
from app.telemetry.request_log import Observer

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class AppState:
    """What the lifespan opens, and every request can reach.

    *clock* is the wall clock of the wire, *monotonic_ms* the clock of limits and durations. Both in ms.
    """

    relay: Relay
    observer: Observer
    clock: Clock
    monotonic_ms: Clock
    clock_window_ms: int
    in_flight_limit: ConcurrencyLimit
    rate_limits: RateLimits
    metrics_access: MetricsAccess
    vapid_public_key: str
    ice_servers: IceServers
    ready: Callable[[], Awaitable[None]]


class LifespanState(TypedDict):
    """The lifespan's state, as Starlette wants it."""

    app: AppState


def app_state(request: Request) -> AppState:
    """Return the running application's parts."""
    return cast("AppState", request.scope["state"]["app"])


async def _app_state(request: Request) -> AppState:
    return app_state(request)  # not a coroutine, it would be called in a thread


AppStateDep = Annotated[AppState, Depends(_app_state)]
