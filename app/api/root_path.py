"""Path prefix support as an ASGI middleware."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.responses import HttpResponse


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
            return HttpResponse(308, headers, b"")(scope, receive, send)
        if path.startswith(self._prefix):
            scope["path"] = path.removeprefix(self._root_path)
        return self._app(scope, receive, send)
