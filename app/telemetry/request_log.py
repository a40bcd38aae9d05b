"""What is seen of each request: one line in the log, its metrics, its trace. Nothing of it is secret.

The push service's host and what it answered are told; addresses, endpoints, keys and payloads never are.
"""

import logging
import os
import time
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.push.outcome import Attempt
from app.telemetry.metrics import OK, Metrics
from app.telemetry.tracing import Trace, Tracing

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-ID"
_REQUEST_ID = REQUEST_ID.lower().encode()  # as ASGI has it
MAX_ID_CHARACTERS = 64

ABORTED = "aborted"  # the outcome of a call whose client, or server, did not wait for its end
UNKNOWN = "unknown"  # the method of a call that could not be read

# What orchestrators and Prometheus ask every few seconds is told to who wants every detail.
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})


@dataclass(slots=True)
class RequestRecord:
    """What became known of a request while it was served."""

    id: str
    trace: Trace | None
    method: str | None = None  # of the call, if it is one
    code: str = OK
    status: int = 0  # of the answer; 0: not yet
    push: Attempt | None = None  # the latest
    pushes: int = 0


_seen: ContextVar[RequestRecord | None] = ContextVar("seen", default=None)


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
            seen.trace.record_wait(f"database {name}", seconds, what)

    def push(self, attempt: Attempt) -> None:
        """Note a message to a push service that ends now."""
        self.metrics.push(attempt)
        if seen := _seen.get():
            seen.push = attempt
            seen.pushes += 1
            if seen.trace:
                what: dict[str, str | int] = {"server.address": attempt.host}
                what["whisper.fate"] = attempt.outcome.delivery.name.lower()
                if attempt.outcome.status:
                    what["http.response.status_code"] = attempt.outcome.status
                seen.trace.record_wait(f"push {attempt.service}", attempt.seconds, what)

    def begin(self, scope: Scope) -> RequestRecord:
        """Begin to watch a request."""
        trace = self._tracing.begin(scope["method"]) if self._tracing else None
        return RequestRecord(_id_of(scope), trace)

    def tell(self, scope: Scope, seen: RequestRecord, seconds: float) -> None:
        """Tell of a request that has ended, after so many *seconds*."""
        status = seen.status
        path = getattr(scope.get("route"), "path", "-")  # the template: what was asked for may be anything
        code = seen.code if status else ABORTED
        if seen.method:
            self.metrics.call(seen.method, code, seconds)
        level = logging.DEBUG if path in _PROBES else logging.INFO
        if log.isEnabledFor(level):
            fields = _fields(scope["method"], path, seen, status, code, seconds)
            # What `log.log` would make of these as `extra`, made in one step.
            record = logging.LogRecord(log.name, level, "", 0, "request", None, None)
            record.__dict__["fields"] = fields
            log.handle(record)
        if seen.trace:
            what = {"http.request.method": scope["method"], "http.route": path, "whisper.code": code}
            told = {"http.response.status_code": status, "whisper.request_id": seen.id}
            seen.trace.end(f"{scope['method']} {path}", what | told)


class RequestLog:
    """Watches every request, and gives its answer the id by which the log knows it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        observer: Observer = scope["state"]["app"].observer
        seen = observer.begin(scope)
        header = (_REQUEST_ID, seen.id.encode())

        def send_with_id(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"].append(header)
            return send(message)

        token = _seen.set(seen)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _seen.reset(token)
            observer.tell(scope, seen, time.perf_counter() - began)


def _id_of(scope: Scope) -> str:
    """Return the id that a proxy gave the request, if it is plain, or a new one."""
    for name, value in scope["headers"]:
        if name == _REQUEST_ID and len(value) <= MAX_ID_CHARACTERS and value.replace(b"-", b"").isalnum():
            given: str = value.decode()
            return given
    return os.urandom(8).hex()


def _fields(
    http_method: str, path: str, seen: RequestRecord, status: int, code: str, seconds: float
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
        fields["push_status"] = outcome.status or outcome.delivery.name.lower()
        fields["pushes"] = seen.pushes
    if seen.trace:
        fields["trace"] = seen.trace.id
    return fields
