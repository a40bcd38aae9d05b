"""Request traces by OpenTelemetry, sent to the operator's collector; without one nothing of it is loaded."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from threading import Thread
from typing import TYPE_CHECKING

from app import lazy_imports

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

SEND_S = 2  # for one batch; a collector that hangs holds up nothing but traces
FLUSH_S = 2  # for what is left when the server stops

Attributes = Mapping[str, str | int]


class Trace:
    """Span of one request, with a child span for each wait."""

    def __init__(self, tracer: "Tracer", otel: lazy_imports.OpenTelemetry, name: str) -> None:
        self._tracer = tracer
        self._wait_kind = otel.SpanKind.CLIENT
        self._request: Span = tracer.start_span(name, kind=otel.SpanKind.SERVER)
        self._context = otel.set_span_in_context(self._request)

    @property
    def id(self) -> str:
        """The trace's id, as the collector shows it."""
        return f"{self._request.get_span_context().trace_id:032x}"

    def record_wait(self, name: str, seconds: float, attributes: Attributes) -> None:
        """Record a wait of so many *seconds* that ends now."""
        now = time.time_ns()
        began = now - int(seconds * 1e9)
        span = self._tracer.start_span(
            name, context=self._context, kind=self._wait_kind, start_time=began, attributes=attributes
        )
        span.end(now)

    def end(self, name: str, attributes: Attributes) -> None:
        """End the request's span, which has its name only now."""
        self._request.update_name(name)
        self._request.set_attributes(dict(attributes))
        self._request.end()


class Tracing:
    """Source of request traces; sampling and headers are set by OpenTelemetry's own variables."""

    def __init__(self, tracer: "Tracer", otel: lazy_imports.OpenTelemetry) -> None:
        self._tracer = tracer
        self._otel = otel

    def begin(self, name: str) -> Trace:
        """Begin the trace of a request. A caller's own trace is not continued: callers are untrusted."""
        return Trace(self._tracer, self._otel, name)


@asynccontextmanager
async def open_tracing(endpoint: str | None, version: str) -> AsyncIterator[Tracing | None]:
    """Send traces to the collector at *endpoint* (OTLP over HTTP) until the block ends; `None`: no traces."""
    if endpoint is None:
        yield None
        return
    otel = lazy_imports.opentelemetry()
    resource = otel.Resource.create({"service.name": "whisper", "service.version": version})
    provider = otel.TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = otel.OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_S)
    provider.add_span_processor(otel.BatchSpanProcessor(exporter))
    try:
        yield Tracing(provider.get_tracer("whisper", version), otel)
    finally:
        await _end(provider.shutdown)


async def _end(shutdown: Callable[[], None]) -> None:
    """Send what is left, for `FLUSH_S` at most."""
    flushing = Thread(target=shutdown, daemon=True)  # nobody waits for a daemon that is stuck
    flushing.start()
    for _ in range(FLUSH_S * 50):
        if not flushing.is_alive():
            break
        await asyncio.sleep(1 / 50)
