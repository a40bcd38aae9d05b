"""The way in: a call goes straight to its door, past all that the framework does for other requests."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import fail, refuse
from app.api.state import app_state
from app.protocol.errors import Refused

log = logging.getLogger(__name__)

Layer = Callable[[ASGIApp], ASGIApp]


class Application(FastAPI):
    """The framework with *layers* around all of it, the outermost first."""

    def __init__(self, layers: Sequence[Layer], **how: Any) -> None:  # noqa: ANN401 - whatever FastAPI takes
        super().__init__(**how)
        self._layers = layers

    def build_middleware_stack(self) -> ASGIApp:
        """Put the layers around the framework's own, which are many, and none of which a call needs."""
        app = super().build_middleware_stack()
        for layer in reversed(self._layers):
            app = layer(app)
        return app


class Entrance:
    """Leads a call to its door. The framework has the same doors: it documents them, and serves all else."""

    def __init__(self, app: ASGIApp, doors: Sequence[BaseRoute]) -> None:
        self._app = app
        self._doors = {door.path: door for door in doors if isinstance(door, Route)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        door = self._doors.get(scope["path"]) if scope["type"] == "http" else None
        if door is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"] = door
        request = Request(scope, receive)
        try:
            response: ASGIApp = await door.endpoint(request)
        except Refused as refusal:
            response = refuse(app_state(request).clock(), refusal)
        except Exception:
            log.exception("a call failed")
            response = fail(app_state(request).clock())
        await response(scope, receive, send)
