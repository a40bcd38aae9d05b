"""Event loop with accept-queue draining when a server is closed.

The kernel completes connections before they are accepted. When a listening socket is closed, those are reset,
and a client that was just sending a request can't know whether it was served.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from ssl import SSLContext
from typing import Protocol, cast

import uvloop


class Stoppable(Protocol):
    """A protocol that can be told to end after its present request, as uvicorn's can."""

    def shutdown(self) -> None:
        """End after the present request."""


class DrainingServer(asyncio.AbstractServer):
    """A server that accepts, when it is closed, the connections that the kernel had completed before."""

    def __init__(
        self,
        server: asyncio.Server,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._server = server
        self._protocol_factory = protocol_factory
        self._loop = loop
        self._accepting: set[asyncio.Task[None]] = set()

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets."""
        return tuple(self._server.sockets)

    def close(self) -> None:
        """Listen no more; accept the connections that are complete."""
        listening = [socket.socket(fileno=os.dup(each.fileno())) for each in self.sockets]
        self._server.close()
        for each in listening:
            with each:
                each.settimeout(0)
                self._accept_all(each)

    async def wait_closed(self) -> None:
        """Wait until every connection has ended."""
        await self._server.wait_closed()

    async def start_serving(self) -> None:
        """Accept new connections."""
        await self._server.start_serving()

    async def serve_forever(self) -> None:
        """Accept new connections until it is cancelled."""
        await self._server.serve_forever()

    def is_serving(self) -> bool:
        """Tell whether it accepts new connections."""
        return self._server.is_serving()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return its loop."""
        return self._loop

    def _accept_all(self, listening: socket.socket) -> None:
        while True:
            try:
                accepted, _ = listening.accept()
            except OSError:  # no more are complete, or the client has gone
                return
            accepted.settimeout(0)
            task = self._loop.create_task(self._serve(accepted))
            self._accepting.add(task)
            task.add_done_callback(self._accepting.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        _, protocol = await self._loop.connect_accepted_socket(self._protocol_factory, accepted)
        cast("Stoppable", protocol).shutdown()


class DrainingLoop(uvloop.Loop):
    """uvloop's loop with draining servers, for sockets that are bound already."""

    async def create_server(  # type: ignore[override]  # uvicorn hands these over, and no others
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        *,
        sock: socket.socket,
        ssl: SSLContext | None = None,
        backlog: int = 100,
    ) -> DrainingServer:
        """Listen on *sock*."""
        server = await super().create_server(protocol_factory, sock=sock, ssl=ssl, backlog=backlog)
        return DrainingServer(cast("asyncio.Server", server), protocol_factory, self)
