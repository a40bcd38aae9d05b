"""HEAD support as an ASGI middleware."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadSupport:
    """ASGI middleware that answers HEAD as GET (RFC 9110, section 9.3.2); the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            return self._serve_as_get(scope, receive, send)
        return self._app(scope, receive, send)

    async def _serve_as_get(self, scope: Scope, receive: Receive, send: Send) -> None:
        get = {**scope, "method": "GET"}
        try:
            await self._app(get, receive, send)
        finally:
            scope["route"] = get.get("route")  # for the request log
