"""Request log: one line, the metrics and the trace of each request. Nothing of it is secret.

The push service's host and what it answered are told; addresses, endpoints, keys and payloads never are.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.limits.circuit_breaker import CircuitBreaker
from app.limits.concurrency import IN_FLIGHT
from app.limits.errors import Overloaded
from app.push.outcome import Attempt
from app.telemetry.log_format import FieldsRecord, record_template
from app.telemetry.metrics import DATABASE, OK, Metrics
from app.telemetry.proxy_detection import UntrustedProxyDetector
from app.telemetry.request_ids import FIELD, request_id
from app.telemetry.tracing import Trace, Tracing

log = logging.getLogger(__name__)

ABORTED = "aborted"  # the outcome of a call whose client, or server, did not wait for its end
UNKNOWN = "unknown"  # the method of a call that could not be read

# Where the layers below find the fields of the request's head by their names, the last of each.
FIELDS = "header_fields"

# What `send` returns. A function that is defined for each request would make this type anew each time.
Sending = Awaitable[None]

# Orchestrators and Prometheus ask for these every few seconds: a line only for DEBUG.
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})

_EVENTS = {level: record_template(log.name, level, "request") for level in (logging.DEBUG, logging.INFO)}

# Refusals of a server without room: each one's line would cost as much as the rest of it. Counted they are.
_OVERLOADED = Overloaded.code
OVERLOAD_LOG_MS = 5000


@dataclass(slots=True)
class RequestRecord:
    """Record of a request, filled while it is served."""

    id: str
    trace: Trace | None
    method: str | None = None  # of the call, if it is one
    code: str = OK
    status: int = 0  # of the answer; 0: not yet
    is_answered: bool = False  # as a whole
    push: Attempt | None = None  # the latest
    pushes: int = 0
    held_by: str | None = None  # while it is a call in flight: the database, or the push service


_current: ContextVar[RequestRecord | None] = ContextVar("request_record", default=None)


def current_record() -> RequestRecord | None:
    """Return the record of the present request, if it is one."""
    return _current.get()


def note_method(method: str) -> None:
    """Note that the present request is a call of this *method*."""
    if record := _current.get():
        record.method = method


def note_refusal(code: str) -> None:
    """Note why the present request was refused."""
    if record := _current.get():
        record.code = code


class Observer:
    """Receiver of every measurement: from the store, from the push services, from the requests."""

    def __init__(self, metrics: Metrics, tracing: Tracing | None, monotonic_ms: Callable[[], int]) -> None:
        self.metrics = metrics
        self._tracing = tracing
        self._monotonic_ms = monotonic_ms
        self._overload_logged = CircuitBreaker(OVERLOAD_LOG_MS)
        self._proxies = UntrustedProxyDetector(metrics.record_untrusted_proxy)

    def record_statement(self, name: str, seconds: float) -> None:
        """Record a statement that ends now."""
        self.metrics.record_statement(name, seconds)
        if (record := _current.get()) and record.trace:
            attributes = {"db.system.name": "postgresql", "db.operation.name": name}
            record.trace.record_wait(f"database {name}", seconds, attributes)

    def record_push(self, attempt: Attempt) -> None:
        """Record a message to a push service that ends now."""
        self.metrics.record_push(attempt)
        if record := _current.get():
            record.push = attempt
            record.pushes += 1
            if record.trace:
                attributes: dict[str, str | int] = {"server.address": attempt.host}
                attributes["whisper.fate"] = attempt.outcome.delivery.name.lower()
                if attempt.outcome.status:
                    attributes["http.response.status_code"] = attempt.outcome.status
                record.trace.record_wait(f"push {attempt.service}", attempt.seconds, attributes)

    def record_limit(self, name: str) -> None:
        """Record a call that was refused by this limit; log now and then that there is no room."""
        self.metrics.record_limit(name)
        if name == IN_FLIGHT and not self._overload_logged.remaining_ms(now := self._monotonic_ms()):
            self._overload_logged.fail(now)
            log.warning("calls are refused: as many are in flight as WHISPER_MAX_IN_FLIGHT allows")

    def record_place(self, by: int) -> None:
        """Record that the present request takes (1) or leaves (-1) a place in flight."""
        if record := _current.get():
            record.held_by = self.metrics.move_in_flight(record.held_by, DATABASE if by > 0 else None)

    def record_push_begin(self, service: str) -> None:
        """Record that a message to *service* begins, which holds the present request's place."""
        if (record := _current.get()) and record.held_by:
            record.held_by = self.metrics.move_in_flight(record.held_by, service)

    def begin_request(self, scope: Scope) -> RequestRecord:
        """Return the record of a request that begins now."""
        headers = scope[FIELDS] = dict(scope["headers"])
        self._proxies.observe(scope["client"], headers)
        trace = self._tracing.begin(scope["method"]) if self._tracing else None
        return RequestRecord(request_id(headers), trace)

    def end_request(self, scope: Scope, record: RequestRecord, seconds: float) -> None:
        """Count, log and trace a request that ended after so many *seconds*."""
        path = getattr(scope.get("route"), "path", "-")  # the route's: what was asked for may be anything
        code = record.code if record.status else ABORTED
        if record.method:
            self.metrics.record_call(record.method, code, seconds)
        level = logging.DEBUG if path in _PROBES or code == _OVERLOADED else logging.INFO
        if log.isEnabledFor(level):
            fields = _fields(scope["method"], path, record, code, seconds)
            log.callHandlers(FieldsRecord(_EVENTS[level], fields))  # it has no filter
        if record.trace:
            attributes = {
                "http.request.method": scope["method"],
                "http.route": path,
                "http.response.status_code": record.status,
                "whisper.code": code,
                "whisper.request_id": record.id,
            }
            record.trace.end(f"{scope['method']} {path}", attributes)


class RequestLog:
    """ASGI middleware that records every request, and puts on its answer the id by which the log knows it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        observer: Observer = scope["state"]["app"].observer
        record = observer.begin_request(scope)
        header = (FIELD, record.id.encode())

        def send_with_id(message: Message) -> Sending:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"].append(header)
            else:
                record.is_answered = not message.get("more_body")
            return send(message)

        token = _current.set(record)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _current.reset(token)
            observer.end_request(scope, record, time.perf_counter() - began)


def _fields(
    http_method: str, path: str, record: RequestRecord, code: str, seconds: float
) -> dict[str, str | int | float]:
    fields: dict[str, str | int | float] = {
        "id": record.id,
        "http": http_method,
        "path": path,
        "status": record.status,
        "code": code,
        "ms": round(10_000 * seconds) / 10,
    }
    if record.method:
        fields["method"] = record.method
    if record.push:
        outcome = record.push.outcome
        fields["push_host"] = record.push.host
        fields["push_status"] = outcome.status or outcome.delivery.name.lower()
        fields["pushes"] = record.pushes
    if record.trace:
        fields["trace"] = record.trace.id
    return fields
