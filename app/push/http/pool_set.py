"""Connection pools for push services: trusted, browsers' and untrusted hosts apart, with address checks."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from ssl import SSLContext, create_default_context

from aiohappyeyeballs import AddrInfoType, SocketFactoryType, start_connection

from app.protocol.subscription import Endpoint
from app.push.deadlines import Deadlines
from app.push.endpoint_policy import TRUSTED, UNTRUSTED
from app.push.http.connection import PushConnection
from app.push.http.pool import MAX_CONNECTIONS, Connect, ConnectionPool
from app.push.ssrf_guard import LOOKUPS_PER_SITE, Network, PublicResolver

OpenSocket = Callable[[Endpoint], Awaitable[socket.socket]]


@dataclass(frozen=True, slots=True)
class PoolSet:
    """Connection pools: of the browsers' push services, of untrusted hosts, and of trusted origins."""

    browsers: ConnectionPool
    untrusted: ConnectionPool
    trusted: ConnectionPool

    def of(self, service: str) -> ConnectionPool:
        """Return the pool for a *service* of `EndpointPolicy`."""
        if service == TRUSTED:
            return self.trusted
        return self.untrusted if service == UNTRUSTED else self.browsers


@asynccontextmanager
async def open_pools(
    network: Network, deadlines: Deadlines, size: int = MAX_CONNECTIONS
) -> AsyncIterator[PoolSet]:
    """Open the pools, each of at most *size* connections, and close them.

    Trusted origins may be private: to them no proxy leads.
    """
    tls = network.tls or _make_tls()
    async with AsyncExitStack() as opened:

        def open_pool(open_socket: OpenSocket, trust: SSLContext) -> ConnectionPool:
            pool = ConnectionPool(_make_connect(open_socket, trust, deadlines), deadlines, size)
            opened.callback(pool.close)
            return pool

        def open_public_pool(lookups_per_site: int | None) -> ConnectionPool:
            if network.proxy:
                return open_pool(
                    partial(network.proxy.open_tunnel, next_address_s=deadlines.next_address_s), tls
                )
            resolver = PublicResolver(network, deadlines.look_up_s, lookups_per_site)
            opened.callback(resolver.close)
            return open_pool(_make_open_socket(resolver.resolve, deadlines, network.public_socket), tls)

        yield PoolSet(
            browsers=open_public_pool(None),
            untrusted=open_public_pool(LOOKUPS_PER_SITE),
            trusted=open_pool(_make_open_socket(_look_up, deadlines), _make_tls()),
        )


async def try_connection(endpoint: Endpoint, service: str, network: Network, deadlines: Deadlines) -> None:
    """Connect to *endpoint* as a push does, and hang up. Raise `OSError` if that fails, as it does there."""
    async with open_pools(network, deadlines) as pools:
        await pools.of(service).try_connection(endpoint)


def _make_open_socket(
    resolve: Callable[[str, int], Awaitable[Sequence[AddrInfoType]]],
    deadlines: Deadlines,
    make_socket: SocketFactoryType | None = None,
) -> OpenSocket:
    """Return a function that connects a socket to an endpoint, at the addresses that *resolve* gives."""

    async def open_socket(endpoint: Endpoint) -> socket.socket:
        addresses = await resolve(endpoint.host, endpoint.port)
        return await start_connection(
            addresses, happy_eyeballs_delay=deadlines.next_address_s, socket_factory=make_socket
        )

    return open_socket


def _make_connect(open_socket: OpenSocket, tls: SSLContext, deadlines: Deadlines) -> Connect:
    """Return a function that connects to an endpoint over a socket of *open_socket*."""

    async def connect(endpoint: Endpoint, make: Callable[[], PushConnection]) -> PushConnection:
        secure = endpoint.scheme == "https"
        try:
            async with asyncio.timeout(deadlines.connect_s):
                _, connection = await asyncio.get_running_loop().create_connection(
                    make,
                    sock=await open_socket(endpoint),
                    ssl=tls if secure else None,
                    server_hostname=endpoint.host if secure else None,
                )
        except TimeoutError:
            raise ConnectionError("no connection was made in time") from None
        return connection

    return connect


async def _look_up(host: str, port: int) -> Sequence[AddrInfoType]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


@cache
def _make_tls() -> SSLContext:
    """Return the TLS settings of all pools: reading the trusted certificates takes some 30 ms."""
    context = create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
