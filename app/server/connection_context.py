"""Context of connections: their timeouts, their limits, and the refusals that they write."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from app.api.cors import TO_UNREAD
from app.api.errors import HeadTooLarge, MethodNotAllowed, NotHttp, RequestTimedOut
from app.api.responses import refusal
from app.api.security_headers import SECURITY_HEADERS
from app.api.state import AppState
from app.limits.errors import Overloaded
from app.protocol.errors import BodyTooLarge, Refused
from app.server.connection_limits import ConnectionLimits
from app.server.read_budget import ReadBudget

# Connections that end without a word, as they are counted.
UNREAD = "unread"  # its client does not read
EVICTED = "evicted"  # another needs its place

_REFUSALS = (NotHttp, MethodNotAllowed, RequestTimedOut, BodyTooLarge, HeadTooLarge, Overloaded)

CONTEXT = "connections"  # its name in the lifespan's state, which uvicorn gives to each connection


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of a connection, seconds."""

    # For a request's head and body: a phone on a bad line needs a few seconds for 8 KiB.
    receive_s: float = 15
    # For what the client leaves unread, be it that more is written, that it asks again, or that it closes.
    send_s: float = 15
    # For the next request.
    keep_alive_s: float = 75
    # For one more request of a connection that is idle when the server stops.
    late_s: float = 1


@dataclass(frozen=True, slots=True)
class ConnectionContext:
    """Services and settings that all connections of a server share."""

    refuse: Callable[[Refused], bytes]  # counts it, and returns the response
    count: Callable[[str], None]  # counts a connection that ends without one, by the reason
    limits: ConnectionLimits
    timeouts: Timeouts
    read_budget: ReadBudget

    @classmethod
    def of(cls, app: AppState, limits: ConnectionLimits, timeouts: Timeouts) -> "ConnectionContext":
        """Return the context of connections of the running loop to *app*, which counts and dates refusals."""
        app.observer.metrics.expect_refused_connections([UNREAD, EVICTED, *(kind.code for kind in _REFUSALS)])
        count = app.observer.metrics.record_refused_connection

        def refuse(refused: Refused) -> bytes:
            count(refused.code)
            return serialize_refusal(refused, app.clock())

        return cls(refuse, count, limits, timeouts, ReadBudget())


def serialize_refusal(refused: Refused, now: int) -> bytes:
    """Return the response to what is no request for the application; *now* in ms."""
    answer = refusal(now, refused)
    security = {name.lower().encode(): value.encode() for name, value in SECURITY_HEADERS.items()}
    headers = security | dict(answer.headers) | dict(TO_UNREAD) | {b"connection": b"close"}
    status = b"HTTP/1.1 %d %s" % (answer.status, HTTPStatus(answer.status).phrase.encode())
    lines = [status, *(b"%s: %s" % header for header in headers.items())]
    return b"\r\n".join([*lines, b"", answer.body])
