"""Application state: the services that the lifespan opens and every request can reach."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from fastapi import Depends, Request

from app.api.config import ClientConfig
from app.api.ice_servers import IceServers
from app.limits.concurrency import ConcurrencyLimit
from app.limits.rate_limits import RateLimits
from app.relay import Relay
from app.telemetry.request_log import Observer

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class AppState:
    """Services of the running application.

    *clock* is the wall clock of the wire, *monotonic_ms* the clock of limits and durations, both in ms.
    *check_ready* raises the `Refused` that says why calls can't be served.
    """

    relay: Relay
    observer: Observer
    clock: Clock
    monotonic_ms: Clock
    clock_window_ms: int
    in_flight_limit: ConcurrencyLimit
    rate_limits: RateLimits
    client_config: ClientConfig
    ice_servers: IceServers
    check_ready: Callable[[], Awaitable[None]]


class LifespanState(TypedDict):
    """State of the ASGI lifespan, which the server copies into every request's scope."""

    app: AppState


def app_state(lifespan_state: Mapping[str, Any]) -> AppState:
    """Return the application's state from the lifespan's, which is `scope["state"]` of a request."""
    state: AppState = lifespan_state["app"]
    return state


async def _app_state(request: Request) -> AppState:  # a coroutine: FastAPI calls functions in threads
    return app_state(request.scope["state"])


AppStateDep = Annotated[AppState, Depends(_app_state)]
