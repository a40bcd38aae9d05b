"""Metrics endpoint, on a listener of its own: no other path is served there, and no metrics elsewhere."""

from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.error_handling import refuse
from app.api.errors import MethodNotAllowed, NotFound
from app.api.responses import HttpResponse
from app.api.state import app_state
from app.setting_validators import ListenAddress


@dataclass(frozen=True, slots=True)
class _Route:
    """Route as the request log names it."""

    path: str


_ROUTE = _Route("/metrics")


class MetricsListener:
    """ASGI middleware that serves the metrics to requests which came by the listener at *address*."""

    def __init__(self, app: ASGIApp, address: ListenAddress) -> None:
        self._app = app
        # How ASGI names it. An IP address may be a wildcard's, so a port alone must tell.
        self._path = str(address) if isinstance(address, Path) else None
        self._port = address[1] if isinstance(address, tuple) else None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if scope["type"] == "http" and self._is_ours(*(scope.get("server") or ("", None))):
            return _answer(scope)(scope, receive, send)
        return self._app(scope, receive, send)

    def _is_ours(self, host: str, port: int | None) -> bool:
        return host == self._path if port is None else port == self._port


def _answer(scope: Scope) -> HttpResponse:
    if scope["path"] != _ROUTE.path:
        return refuse(scope, NotFound())
    scope["route"] = _ROUTE  # for the request log
    if scope["method"] not in ("GET", "HEAD"):
        return refuse(scope, MethodNotAllowed("GET, HEAD"))
    body = app_state(scope["state"]).observer.metrics.exposition()
    headers = [(b"content-type", CONTENT_TYPE_PLAIN_0_0_4.encode()), (b"content-length", b"%d" % len(body))]
    return HttpResponse(200, headers, body)
