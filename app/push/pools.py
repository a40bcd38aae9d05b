"""Connections to push services, kept open: so many, and those of strangers' hosts apart from the others."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, TCPConnector, TraceConfig

from app.push.guard import Network, PublicResolver
from app.push.outcome import Fate, Outcome

MAX_CONNECTIONS = 512
MAX_CONNECTIONS_PER_HOST = 64
QUEUE_RETRY_AFTER_S = 1  # when all of those were taken, and none became free in time

# What a message that runs out of time has become by then: only one that had a connection may have arrived.
_QUEUED = Outcome(Fate.BUSY, retry_after=QUEUE_RETRY_AFTER_S)
_CONNECTING = Outcome(Fate.UNREACHABLE)
_SENT = Outcome(Fate.TIMED_OUT)

_HEADERS = {"User-Agent": "whisper", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Pools:
    """Pooled connections to the browsers' push services, to strangers' hosts, and to trusted origins."""

    browsers: ClientSession
    strangers: ClientSession
    trusted: ClientSession


@dataclass(slots=True)
class Progress:
    """How far a message has come: what has become of it if it runs out of time now.

    aiohttp tells, to what it is given as a request's `trace_request_ctx`.
    """

    timed_out: Outcome = field(default_factory=lambda: _SENT)


@asynccontextmanager
async def pooled(network: Network) -> AsyncIterator[Pools]:
    """Open the pools, and close them."""
    pool = partial(TCPConnector, limit=MAX_CONNECTIONS, limit_per_host=MAX_CONNECTIONS_PER_HOST)
    async with (
        _public(pool, network) as browsers,
        _public(pool, network) as strangers,
        _session(pool()) as trusted,
    ):
        yield Pools(browsers, strangers, trusted)


@asynccontextmanager
async def _public(pool: Callable[..., TCPConnector], network: Network) -> AsyncIterator[ClientSession]:
    """Open connections to public addresses, with look-ups of their own."""
    resolver = PublicResolver(network.look_up)
    connector = pool(resolver=resolver, socket_factory=network.public_socket, ssl=network.tls)
    async with _session(connector) as session:
        try:
            yield session
        finally:
            await resolver.close()


def _session(connector: TCPConnector) -> ClientSession:
    progress = TraceConfig()
    progress.on_connection_queued_start.append(_waits)
    progress.on_connection_queued_end.append(_sends)
    progress.on_connection_create_start.append(_connects)
    progress.on_connection_create_end.append(_sends)
    return ClientSession(
        connector=connector,
        headers=_HEADERS,
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        trace_configs=[progress],
    )


async def _waits(_: ClientSession, context: SimpleNamespace, __: Any) -> None:  # noqa: ANN401 - aiohttp's own
    context.trace_request_ctx.timed_out = _QUEUED


async def _connects(_: ClientSession, context: SimpleNamespace, __: Any) -> None:  # noqa: ANN401 - the same
    context.trace_request_ctx.timed_out = _CONNECTING


async def _sends(_: ClientSession, context: SimpleNamespace, __: Any) -> None:  # noqa: ANN401 - the same
    context.trace_request_ctx.timed_out = _SENT
