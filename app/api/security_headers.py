"""Security headers of every answer."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.telemetry.request_log import Sending

# The API is data for other origins' pages; nothing of it is ever run, framed, guessed or kept. What an answer
# says itself stays: a file of the web app is run, and kept.
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# As ASGI has them.
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_NAMES = frozenset(name for name, _ in _HEADERS)

# Where a layer below puts what it adds to the answer, whatever that is: it need not look at each message too.
ADDED = "added_headers"


class SecurityHeaders:
    """ASGI middleware that puts the security headers on every answer, refusals and failures included.

    It also puts there what layers below append to the scope's list of `ADDED` headers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        added: list[tuple[bytes, bytes]] = []
        scope[ADDED] = added

        def send_with_headers(message: Message) -> Sending:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                own = [name for name, _ in headers if name in _NAMES]
                headers += added
                headers += [header for header in _HEADERS if header[0] not in own] if own else _HEADERS
            return send(message)

        return self._app(scope, receive, send_with_headers)
