"""Pools of connections: untrusted hosts apart from the others, all but trusted ones to public addresses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext, create_default_context

from aiohappyeyeballs import AddrInfoType, SocketFactoryType, start_connection

from app.protocol.subscription import Endpoint
from app.push.deadlines import Deadlines
from app.push.guard import LOOKUPS_PER_SITE, Network, PublicResolver
from app.push.http.connection import PushConnection
from app.push.http.pool import Connect, ConnectionPool


@dataclass(frozen=True, slots=True)
class PoolSet:
    """Connection pools: of the browsers' push services, of untrusted hosts, and of trusted origins."""

    browsers: ConnectionPool
    untrusted: ConnectionPool
    trusted: ConnectionPool


@asynccontextmanager
async def open_pools(network: Network, deadlines: Deadlines) -> AsyncIterator[PoolSet]:
    """Open the pools, and close them."""
    tls = network.tls or _make_tls()
    async with (
        _open_public_pool(network, tls, deadlines) as browsers,
        _open_public_pool(network, tls, deadlines, LOOKUPS_PER_SITE) as untrusted,
    ):
        trusted = ConnectionPool(_make_connect(_look_up, _make_tls(), deadlines), deadlines)
        try:
            yield PoolSet(browsers, untrusted, trusted)
        finally:
            trusted.close()


@asynccontextmanager
async def _open_public_pool(
    network: Network, tls: SSLContext, deadlines: Deadlines, lookups_per_site: int | None = None
) -> AsyncIterator[ConnectionPool]:
    """Open a pool of connections to public addresses, with look-ups of its own."""
    resolver = PublicResolver(network.look_up, deadlines.look_up_s, lookups_per_site)
    pool = ConnectionPool(_make_connect(resolver.resolve, tls, deadlines, network.public_socket), deadlines)
    try:
        yield pool
    finally:
        pool.close()
        resolver.close()


def _make_connect(
    resolve: Callable[[str, int], Awaitable[Sequence[AddrInfoType]]],
    tls: SSLContext,
    deadlines: Deadlines,
    make_socket: SocketFactoryType | None = None,
) -> Connect:
    """Return a function that connects to an endpoint at the addresses that *resolve* gives."""

    async def connect(endpoint: Endpoint, make: Callable[[], PushConnection]) -> PushConnection:
        secure = endpoint.scheme == "https"
        try:
            async with asyncio.timeout(deadlines.connect_s):
                addresses = await resolve(endpoint.host, endpoint.port)
                connected = await start_connection(
                    addresses, happy_eyeballs_delay=deadlines.next_address_s, socket_factory=make_socket
                )
                _, connection = await asyncio.get_running_loop().create_connection(
                    make,
                    sock=connected,
                    ssl=tls if secure else None,
                    server_hostname=endpoint.host if secure else None,
                )
        except TimeoutError:
            raise ConnectionError("no connection was made in time") from None
        return connection

    return connect


async def _look_up(host: str, port: int) -> Sequence[AddrInfoType]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _make_tls() -> SSLContext:
    context = create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
