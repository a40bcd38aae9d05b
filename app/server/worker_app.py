"""ASGI application of a server process, with a start hook for per-process setup."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import main
from app.push.deadlines import PRODUCTION, Deadlines
from app.server.connection_context import CONTEXT, ConnectionContext, Timeouts
from app.server.connection_limits import ConnectionLimits, connection_budget
from app.server.process import freeze_gc, prepare_process, raise_file_limit, stop_with_parent
from app.settings import Settings, load


def create_app() -> ASGIApp:
    """Build the application of a server process, which is prepared for it."""
    settings = load()
    return build_app(settings, Timeouts(keep_alive_s=settings.keep_alive_seconds), PRODUCTION)


def build_app(settings: Settings, timeouts: Timeouts, deadlines: Deadlines) -> ASGIApp:
    """Build the application with these *timeouts* of connections and *deadlines* of pushes."""
    prepare_process()
    budget = connection_budget(raise_file_limit(), settings.max_in_flight)
    per_client = min(settings.max_connections_per_client, budget // 2)  # or one would have it all
    limits = ConnectionLimits(per_client, budget, settings.trusted_proxies)

    def start(state: dict[str, Any]) -> None:
        state[CONTEXT] = ConnectionContext.of(state["app"], limits, timeouts)
        stop_with_parent()
        freeze_gc()

    return StartHook(main.create_app(settings, deadlines=deadlines), start)


class StartHook:
    """ASGI middleware that calls *start* with the lifespan's state once the application has started."""

    def __init__(self, app: ASGIApp, start: Callable[[dict[str, Any]], None]) -> None:
        self._app = app
        self._start = start

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request, or the lifespan."""
        if scope["type"] != "lifespan":
            return self._app(scope, receive, send)

        async def start_and_send(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._start(scope["state"])
            await send(message)

        return self._app(scope, receive, start_and_send)
