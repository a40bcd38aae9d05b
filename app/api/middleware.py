"""ASGI middleware: how layers are put around an application, path prefixes, and HEAD support."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.answers import Answer

Layer = Callable[[ASGIApp], ASGIApp]


def wrap(app: ASGIApp, layers: Sequence[Layer]) -> ASGIApp:
    """Put *layers* around *app*, the first of them outermost."""
    for layer in reversed(layers):
        app = layer(app)
    return app


class RootPath:
    """ASGI middleware that takes the path prefix *root_path* off requests which a proxy passes on with it.

    A proxy may also take it off itself: both work, since everything else of the server is relative.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path
        self._prefix = f"{root_path}/"
        self._to_root = f"{root_path.rpartition('/')[2]}/".encode()  # relative, whatever is in front of it

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        path: str = scope["path"]
        if path == self._root_path:
            headers = [(b"location", self._to_root), (b"content-length", b"0")]
            return Answer(308, headers, b"")(scope, receive, send)
        if path.startswith(self._prefix):
            scope["path"] = path.removeprefix(self._root_path)
        return self._app(scope, receive, send)


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
        await self._app(get, receive, send)
        scope["route"] = get.get("route")  # for the request log
