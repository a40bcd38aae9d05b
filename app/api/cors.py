"""Which pages of other origins may call (the Fetch standard's CORS protocol)."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import OriginNotAllowed, refuse
from app.telemetry.request_log import REQUEST_ID

PREFLIGHT_LIFE_S = 24 * 60 * 60  # browsers cap it themselves


class CorsMiddleware(CORSMiddleware):
    """Starlette's, with refusals in the one form."""

    def __init__(self, app: ASGIApp, origins: Sequence[str], clock: Callable[[], int]) -> None:
        everyone = "*" in origins
        # Credentials are allowed only because `sendBeacon` always sends them; the API has no cookies.
        super().__init__(
            app,
            allow_origins=[] if everyone else origins,
            allow_origin_regex=".*" if everyone else None,
            allow_credentials=True,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type"],
            expose_headers=["Retry-After", REQUEST_ID],
            max_age=PREFLIGHT_LIFE_S,
        )
        self._clock = clock
        self._shared = [
            (name.lower().encode(), value.encode()) for name, value in self.simple_headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, after it was asked whether it may be made (OPTIONS) if a browser asks."""
        if scope["type"] != "http" or scope["method"] == "OPTIONS":
            await super().__call__(scope, receive, send)
        else:
            origin: bytes | None = dict(scope["headers"]).get(b"origin")
            await self._share(scope, receive, send, None if origin is None else origin.decode("latin-1"))

    async def simple_response(
        self, scope: Scope, receive: Receive, send: Send, request_headers: Headers
    ) -> None:
        """Serve an OPTIONS that does not ask."""
        await self._share(scope, receive, send, request_headers.get("origin"))

    def _share(self, scope: Scope, receive: Receive, send: Send, origin: str | None) -> Awaitable[None]:
        """Serve a request, and say on its answer who may read it."""
        shared = self._shared_with(origin)

        def send_shared(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] += shared
            return send(message)

        return self.app(scope, receive, send_shared)

    def _shared_with(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        headers = [(b"vary", b"Origin")]
        if origin is not None:
            headers += self._shared
            if self.is_allowed_origin(origin):
                headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        return headers

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a browser that asks before it calls."""
        response = super().preflight_response(request_headers)
        if response.status_code == 200:  # noqa: PLR2004 - Starlette's own
            return response
        refusal = refuse(self._clock(), OriginNotAllowed())
        refusal.headers["Vary"] = "Origin"
        return refusal
