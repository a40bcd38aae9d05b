"""Connections to push services: those of strangers' hosts apart from the others, all to judged addresses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext, create_default_context

from aiohappyeyeballs import AddrInfoType, SocketFactoryType, start_connection

from app.protocol.subscription import Endpoint
from app.push.guard import Network, PublicResolver
from app.push.http.connection import PushConnection
from app.push.http.pool import Connect, ConnectionPool

CONNECT_S = 3  # for a connection, with name and TLS
NEXT_ADDRESS_S = 0.25  # after which another address is tried as well (RFC 8305, section 5)


@dataclass(frozen=True, slots=True)
class PoolSet:
    """Pooled connections to the browsers' push services, to strangers' hosts, and to trusted origins."""

    browsers: ConnectionPool
    strangers: ConnectionPool
    trusted: ConnectionPool


@asynccontextmanager
async def open_pools(network: Network) -> AsyncIterator[PoolSet]:
    """Open the pools, and close them."""
    tls = network.tls or _tls()
    async with _public(network, tls) as browsers, _public(network, tls) as strangers:
        trusted = ConnectionPool(_connecting(_look_up, _tls()))
        try:
            yield PoolSet(browsers, strangers, trusted)
        finally:
            trusted.close()


@asynccontextmanager
async def _public(network: Network, tls: SSLContext) -> AsyncIterator[ConnectionPool]:
    """Open connections to public addresses, with look-ups of their own."""
    resolver = PublicResolver(network.look_up)
    pool = ConnectionPool(_connecting(resolver.resolve, tls, network.public_socket))
    try:
        yield pool
    finally:
        pool.close()
        resolver.close()


def _connecting(
    resolve: Callable[[str, int], Awaitable[Sequence[AddrInfoType]]],
    tls: SSLContext,
    make_socket: SocketFactoryType | None = None,
) -> Connect:
    """Return what connects to an endpoint, at the addresses that *resolve* gives, within `CONNECT_S`."""

    async def connect(endpoint: Endpoint, wire: Callable[[], PushConnection]) -> PushConnection:
        secure = endpoint.scheme == "https"
        try:
            async with asyncio.timeout(CONNECT_S):
                addresses = await resolve(endpoint.host, endpoint.port)
                connected = await start_connection(
                    addresses, happy_eyeballs_delay=NEXT_ADDRESS_S, socket_factory=make_socket
                )
                _, made = await asyncio.get_running_loop().create_connection(
                    wire,
                    sock=connected,
                    ssl=tls if secure else None,
                    server_hostname=endpoint.host if secure else None,
                )
        except TimeoutError:
            raise ConnectionError("no connection was made in time") from None
        return made

    return connect


async def _look_up(host: str, port: int) -> Sequence[AddrInfoType]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _tls() -> SSLContext:
    context = create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
