"""Around every request: an answer whatever happens, with headers that leave a browser little room."""

import logging
from collections.abc import Awaitable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import fail

log = logging.getLogger(__name__)

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

# The page at /docs loads its scripts from where FastAPI takes them.
_DOCS = "/docs"
_DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "img-src data: https://fastapi.tiangolo.com"
)


class SecurityHeaders:
    """Puts the headers on every answer, refusals and failures included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                if scope["path"] == _DOCS:
                    MutableHeaders(scope=message)["Content-Security-Policy"] = _DOCS_POLICY
                said = {name for name, _ in message["headers"]}
                message["headers"] += [header for header in _HEADERS if header[0] not in said]
            return send(message)

        return self._app(scope, receive, send_with_headers)


class CatchAll:
    """Answers for what nobody foresaw: logged here, told in one plain refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except Exception:
            log.exception("a request failed")
            if scope["type"] != "http" or started:
                raise
            await fail(scope["state"]["app"].clock())(scope, receive, send)


class HeadSupport:
    """Answers HEAD as GET (RFC 9110, section 9.3.2); the server below leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}
        await self._app(asked, receive, send)
        scope["route"] = asked.get("route")
