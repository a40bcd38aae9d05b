"""What is seen of each request: one line in the log, its metrics, its trace. Nothing of it is secret.

The push service's host and what it answered are told; addresses, endpoints, keys and payloads never are.
"""

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.metrics import OK, Metrics
from app.api.tracing import Trace, Tracing
from app.push.outcome import Attempt

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-ID"
MAX_ID_CHARACTERS = 64

ABORTED = "aborted"  # the outcome of a call whose client, or server, did not wait for its end
UNKNOWN = "unknown"  # the method of a call that could not be read

# What orchestrators and Prometheus ask every few seconds is told to who wants every detail.
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})


@dataclass(slots=True)
class Seen:
    """What became known of a request while it was served."""

    id: str
    trace: Trace | None
    method: str | None = None  # of the call, if it is one
    code: str = OK
    push: Attempt | None = None  # the latest
    pushes: int = 0


_seen: ContextVar[Seen | None] = ContextVar("seen", default=None)


def note_method(method: str) -> None:
    """Note that the present request is a call of this *method*."""
    if seen := _seen.get():
        seen.method = method


def note_refusal(code: str) -> None:
    """Note why the present request was refused."""
    if seen := _seen.get():
        seen.code = code


class Observer:
    """Where every measurement arrives: from the store, from the push services, from the limits."""

    def __init__(self, metrics: Metrics, tracing: Tracing | None) -> None:
        self.metrics = metrics
        self._tracing = tracing

    def statement(self, name: str, seconds: float) -> None:
        """Note a statement that ends now."""
        self.metrics.statement(name, seconds)
        if (seen := _seen.get()) and seen.trace:
            what = {"db.system.name": "postgresql", "db.operation.name": name}
            seen.trace.waited(f"database {name}", seconds, what)

    def push(self, attempt: Attempt) -> None:
        """Note a message to a push service that ends now."""
        self.metrics.push(attempt)
        if seen := _seen.get():
            seen.push = attempt
            seen.pushes += 1
            if seen.trace:
                what: dict[str, str | int] = {"server.address": attempt.host}
                what["whisper.fate"] = attempt.outcome.fate.name.lower()
                if attempt.outcome.status:
                    what["http.response.status_code"] = attempt.outcome.status
                seen.trace.waited(f"push {attempt.service}", attempt.seconds, what)

    @contextmanager
    def request(self, scope: Scope) -> Iterator["Served"]:
        """Watch a request until it ends."""
        trace = self._tracing.begin(scope["method"]) if self._tracing else None
        seen = Seen(_id_of(scope), trace)
        served = Served(seen.id)
        token = _seen.set(seen)
        began = time.perf_counter()
        try:
            yield served
        finally:
            _seen.reset(token)
            self._tell(scope, seen, served.status, time.perf_counter() - began)

    def _tell(self, scope: Scope, seen: Seen, status: int, seconds: float) -> None:
        path = getattr(scope.get("route"), "path", "-")  # the template: what was asked for may be anything
        code = seen.code if status else ABORTED
        if seen.method:
            self.metrics.call(seen.method, code, seconds)
        level = logging.DEBUG if path in _PROBES else logging.INFO
        if log.isEnabledFor(level):
            fields = _fields(scope["method"], path, seen, status, code, seconds)
            log.log(level, "request", extra={"fields": fields})
        if seen.trace:
            what = {"http.request.method": scope["method"], "http.route": path, "whisper.code": code}
            told = {"http.response.status_code": status, "whisper.request_id": seen.id}
            seen.trace.end(f"{scope['method']} {path}", what | told)


@dataclass(slots=True)
class Served:
    """How a request is answered; 0: not yet."""

    id: str
    status: int = 0


class Observed:
    """Watches every request, and gives its answer the id by which the log knows it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        observer: Observer = scope["state"]["parts"].observer
        with observer.request(scope) as served:

            async def send_with_id(message: Message) -> None:
                if message["type"] == "http.response.start":
                    served.status = message["status"]
                    MutableHeaders(scope=message)[REQUEST_ID] = served.id
                await send(message)

            await self._app(scope, receive, send_with_id)


def _id_of(scope: Scope) -> str:
    """Return the id that a proxy gave the request, if it is plain, or a new one."""
    given = Headers(scope=scope).get(REQUEST_ID, "")
    if len(given) <= MAX_ID_CHARACTERS and given.isascii() and given.replace("-", "").isalnum():
        return given
    return secrets.token_hex(8)


def _fields(
    http_method: str, path: str, seen: Seen, status: int, code: str, seconds: float
) -> dict[str, str | int | float]:
    fields: dict[str, str | int | float] = {
        "id": seen.id,
        "http": http_method,
        "path": path,
        "status": status,
        "code": code,
        "ms": round(1000 * seconds, 1),
    }
    if seen.method:
        fields["method"] = seen.method
    if seen.push:
        outcome = seen.push.outcome
        fields["push_host"] = seen.push.host
        fields["push_status"] = outcome.status or outcome.fate.name.lower()
        fields["pushes"] = seen.pushes
    if seen.trace:
        fields["trace"] = seen.trace.id
    return fields
