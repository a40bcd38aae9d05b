"""ASGI application of a server process, with a start hook for per-process setup."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import main
from app.push.deadlines import PRODUCTION, Deadlines
from app.server.http_protocol import CONTEXT, ConnectionContext, Timeouts
from app.server.process import freeze_gc, prepare_process, stop_with_parent


def create_app() -> ASGIApp:
    """Build the application of a server process, which is prepared for it."""
    return build_app(Timeouts(), PRODUCTION)


def build_app(timeouts: Timeouts, deadlines: Deadlines) -> ASGIApp:
    """Build the application with these *timeouts* of connections and *deadlines* of pushes."""
    prepare_process()

    def start(state: dict[str, Any]) -> None:
        state[CONTEXT] = ConnectionContext.of(state["app"], timeouts)
        stop_with_parent()
        freeze_gc()

    return StartHook(main.create_app(deadlines=deadlines), start)


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
