"""Cross-origin resource sharing (CORS, Fetch standard): allowed origins and preflight requests."""

from collections.abc import Awaitable, Mapping, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.error_handling import refuse
from app.api.errors import OriginNotAllowed
from app.api.responses import Headers, HttpResponse
from app.api.security_headers import ADDED
from app.telemetry.request_ids import REQUEST_ID
from app.telemetry.request_log import FIELDS

PREFLIGHT_LIFE_S = 24 * 60 * 60  # browsers cap it themselves

_METHOD = b"access-control-request-method"
_HEADERS = b"access-control-request-headers"
_PRIVATE_NETWORK = b"access-control-request-private-network"

# What a browser says of where a request comes from, and no page can change. A page of another origin needs
# no preflight to send a call as text: it could not read the answer, but the call would count for its visitor.
_SITE = b"sec-fetch-site"
_OTHER_SITES = (b"cross-site", b"same-site")

_METHODS = (b"GET", b"POST")
_ALLOWED_HEADERS = (b"accept", b"accept-language", b"content-language", b"content-type")

# Credentials are allowed only because `sendBeacon` always sends them; the API has no cookies.
_CREDENTIALS = (b"access-control-allow-credentials", b"true")
_VARY = (b"vary", b"Origin")
_EXPOSED = (b"access-control-expose-headers", f"Retry-After, {REQUEST_ID}".encode())
_TO_NO_PAGE: Headers = [_VARY]
_TO_ANY_PAGE: Headers = [_VARY, _CREDENTIALS, _EXPOSED]

# Of a refusal that is written before its request is read, and so its origin known: it tells nothing that is
# not the same for all, and a page that could not read it would take a busy server for one that is away.
TO_UNREAD: Headers = [(b"access-control-allow-origin", b"*"), _EXPOSED]
_PREFLIGHT: Headers = [
    _CREDENTIALS,
    (b"access-control-allow-methods", b", ".join(_METHODS)),
    (b"access-control-allow-headers", b", ".join(_ALLOWED_HEADERS)),
    (b"access-control-max-age", b"%d" % PREFLIGHT_LIFE_S),
    (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    (b"content-length", b"0"),
]


class Cors:
    """ASGI middleware that answers preflights, and puts the origin that may read it on every answer."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._allows_all = "*" in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        headers: Mapping[bytes, bytes] = scope[FIELDS]
        origin = headers.get(b"origin")
        if scope["method"] == "OPTIONS" and origin is not None and _METHOD in headers:
            return self._preflight(scope, origin, headers)(scope, receive, send)
        if scope["method"] == "POST" and headers.get(_SITE) in _OTHER_SITES and not self._allows(origin):
            return self._refuse(scope)(scope, receive, send)
        scope[ADDED].extend(self._headers_for(origin))
        return self._app(scope, receive, send)

    def _headers_for(self, origin: bytes | None) -> Headers:
        if origin is None:
            return _TO_NO_PAGE
        if not self._allows(origin):
            return _TO_ANY_PAGE
        return [*_TO_ANY_PAGE, (b"access-control-allow-origin", origin)]

    def _preflight(self, scope: Scope, origin: bytes, headers: Mapping[bytes, bytes]) -> HttpResponse:
        asked = {name.strip() for name in headers.get(_HEADERS, b"").lower().split(b",")} - {b""}
        if (
            self._allows(origin)
            and headers[_METHOD] in _METHODS
            and asked <= set(_ALLOWED_HEADERS)
            and _PRIVATE_NETWORK not in headers
        ):
            return HttpResponse(200, [*_PREFLIGHT, (b"access-control-allow-origin", origin)], b"")
        return self._refuse(scope)

    def _refuse(self, scope: Scope) -> HttpResponse:
        refusal = refuse(scope, OriginNotAllowed())
        return HttpResponse(refusal.status, [*refusal.headers, _VARY], refusal.body)

    def _allows(self, origin: bytes | None) -> bool:
        return self._allows_all or origin in self._origins
