"""An event loop whose servers stop without losing who is at the door already.

The kernel completes connections before anybody accepts them. When a listening socket is closed, those are
reset, and whoever was just sending a request does not know whether it was served.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

import uvloop

Protocols = Callable[[], asyncio.BaseProtocol]


class DrainingServer:
    """A server that serves, after it is closed, whoever had connected before."""

    def __init__(
        self, server: asyncio.AbstractServer, protocols: Protocols, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._server = server
        self._protocols = protocols
        self._loop = loop
        self._welcomes: set[asyncio.Task[None]] = set()

    @property
    def sockets(self) -> tuple[Any, ...]:
        """What it listens on."""
        return tuple(self._server.sockets)  # type: ignore[attr-defined]  # which uvloop's has

    def close(self) -> None:
        """Listen no more; take in who is there."""
        doors = [socket.socket(fileno=os.dup(each.fileno())) for each in self.sockets]
        self._server.close()
        for door in doors:
            with door:
                door.setblocking(False)  # noqa: FBT003 - the standard library's
                self._take_in(door)

    async def wait_closed(self) -> None:
        """Wait until nobody is served any more."""
        await self._server.wait_closed()

    def _take_in(self, door: socket.socket) -> None:
        while True:
            try:
                late, _ = door.accept()
            except OSError:  # nobody is left, or who was there has gone
                return
            late.setblocking(False)  # noqa: FBT003 - the same
            welcome = self._loop.create_task(self._welcome(late))
            self._welcomes.add(welcome)
            welcome.add_done_callback(self._welcomes.discard)

    async def _welcome(self, late: socket.socket) -> None:
        _, protocol = await self._loop.connect_accepted_socket(self._protocols, late)
        protocol.shutdown()  # type: ignore[attr-defined]  # uvicorn's: end after what is being served


class DrainingLoop(uvloop.Loop):
    """uvloop's loop, with patient servers."""

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Protocols,
        *args: Any,  # noqa: ANN401 - handed on as it came
        **options: Any,  # noqa: ANN401 - handed on as it came
    ) -> DrainingServer:
        """Listen as any loop does."""
        server = await super().create_server(protocol_factory, *args, **options)
        return DrainingServer(server, protocol_factory, self)
