"""Traces by OpenTelemetry, for a collector that the operator names; without one none of it is loaded."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

SEND_S = 2  # for one batch; a collector that hangs holds up nothing but traces
FLUSH_S = 2  # for what is left when the server stops

Attributes = Mapping[str, str | int]


class Trace:
    """One request, and what it waited for."""

    def __init__(self, tracer: "Tracer", name: str) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415 - an optional extra

        self._tracer = tracer
        self._wait = SpanKind.CLIENT
        self._request: Span = tracer.start_span(name, kind=SpanKind.SERVER)
        self._inside = set_span_in_context(self._request)

    @property
    def id(self) -> str:
        """What the collector calls it."""
        return f"{self._request.get_span_context().trace_id:032x}"

    def waited(self, name: str, seconds: float, attributes: Attributes) -> None:
        """Add a wait of so many *seconds* that ends now."""
        now = time.time_ns()
        began = now - int(seconds * 1e9)
        span = self._tracer.start_span(
            name, context=self._inside, kind=self._wait, start_time=began, attributes=attributes
        )
        span.end(now)

    def end(self, name: str, attributes: Attributes) -> None:
        """End the request, now that it is known what it was."""
        self._request.update_name(name)
        self._request.set_attributes(dict(attributes))
        self._request.end()


class Tracing:
    """Begins a trace for each request; sampling and headers are set by OpenTelemetry's own variables."""

    def __init__(self, tracer: "Tracer") -> None:
        self._tracer = tracer

    def begin(self, name: str) -> Trace:
        """Begin the trace of a request. No trace of somebody else's is continued: callers are strangers."""
        return Trace(self._tracer, name)


@asynccontextmanager
async def open_tracing(endpoint: str | None, version: str) -> AsyncIterator[Tracing | None]:
    """Send traces to the collector at *endpoint* (OTLP over HTTP) until the block ends; `None`: no traces."""
    if endpoint is None:
        yield None
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({"service.name": "whisper", "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield Tracing(provider.get_tracer("whisper", version))
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
