"""Fault-injecting TCP proxy, of Postgres or a server: it forwards, stalls, delays, resets or refuses."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from anyio.from_thread import BlockingPortal, start_blocking_portal

CHUNK = 65_536

# SO_LINGER of no time: a close is a reset, and nothing that was written before is still sent.
RESET = struct.pack("ii", 1, 0)


class FaultProxy:
    """TCP proxy for a Unix socket, or a port of this machine.

    It runs in a thread of its own, so that no test blocks it.
    """

    def __init__(self, portal: BlockingPortal, target: str | int) -> None:
        self._portal = portal
        self._target = target
        self._server: asyncio.Server | None = None
        self._forwarding = asyncio.Event()
        self._delay = 0.0
        self._clients: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._clients)

    def open(self) -> None:
        """Forward everything without delay."""
        self._portal.call(self._open)

    def stall(self) -> None:
        """Accept connections and bytes, and forward none of them."""
        self._portal.call(self._forwarding.clear)

    def delay(self, seconds: float) -> None:
        """Delay each chunk by *seconds*."""
        self._delay = seconds

    def reset(self) -> None:
        """Reset every connection; accept new ones."""
        self._portal.call(self._reset_all)

    def refuse(self) -> None:
        """Reset every connection, and refuse new ones."""
        self._portal.call(self._refuse)

    async def _open(self) -> None:
        self._delay = 0.0
        self._forwarding.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._reset_all()

    def _reset_all(self) -> None:
        for writer in list(self._clients):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            with suppress(OSError):
                async with _connection(self._target) as (answers, questions), asyncio.TaskGroup() as both:
                    both.create_task(self._forward(reader, questions))
                    both.create_task(self._forward(answers, writer))
        finally:
            self._clients.discard(writer)
            _reset(writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await asyncio.sleep(self._delay)
                await self._forwarding.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def _connection(
    target: str | int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    if isinstance(target, int):
        reader, writer = await asyncio.open_connection("127.0.0.1", target)
    else:
        reader, writer = await asyncio.open_unix_connection(target)
    try:
        yield reader, writer
    finally:
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    opened = writer.get_extra_info("socket")
    with suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@contextmanager
def fault_proxy(target: str | int) -> Iterator[FaultProxy]:
    """Run a proxy for *target*, a Unix socket or a port here, until the block ends; at first it forwards."""
    with start_blocking_portal() as portal:
        running = FaultProxy(portal, target)
        running.open()
        try:
            yield running
        finally:
            running.open()  # what waits can end
            running.refuse()
