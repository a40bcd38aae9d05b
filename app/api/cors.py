"""Which pages of other origins may call (the Fetch standard's CORS protocol)."""

from collections.abc import Callable, Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from app.api.errors import refuse
from app.api.observe import REQUEST_ID
from app.protocol.errors import OriginNotAllowed

PREFLIGHT_LIFE_S = 24 * 60 * 60  # browsers cap it themselves


class Cors(CORSMiddleware):
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

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a browser that asks before it calls."""
        response = super().preflight_response(request_headers)
        if response.status_code == 200:  # noqa: PLR2004 - Starlette's own
            return response
        refusal = refuse(self._clock(), OriginNotAllowed())
        refusal.headers["Vary"] = "Origin"
        return refusal
