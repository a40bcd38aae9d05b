"""A gate in front of Postgres: what a server says to it passes, waits, comes late, or is cut off."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from anyio.from_thread import BlockingPortal, start_blocking_portal

CHUNK = 65_536

# SO_LINGER of no time: a close is a reset, and nothing that was written before is still sent.
RESET = struct.pack("ii", 1, 0)


class Gate:
    """A TCP port in front of a Unix socket. It has a thread of its own: no test holds it up by accident."""

    def __init__(self, portal: BlockingPortal, target: str) -> None:
        self._portal = portal
        self._target = target
        self._server: asyncio.Server | None = None
        self._passing = asyncio.Event()
        self._delay = 0.0
        self._inside: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._inside)

    def open(self) -> None:
        """Let everything pass, at once."""
        self._portal.call(self._open)

    def hold(self) -> None:
        """Take connections and bytes, and let none of them pass."""
        self._portal.call(self._passing.clear)

    def slow(self, seconds: float) -> None:
        """Let each piece pass so much later."""
        self._delay = seconds

    def cut(self) -> None:
        """Reset every connection; new ones may come."""
        self._portal.call(self._cut)

    def refuse(self) -> None:
        """Reset every connection, and refuse new ones."""
        self._portal.call(self._refuse)

    async def _open(self) -> None:
        self._delay = 0.0
        self._passing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut()

    def _cut(self) -> None:
        for writer in list(self._inside):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._inside.add(writer)
        try:
            with suppress(OSError):
                async with _connection(self._target) as (answers, questions), asyncio.TaskGroup() as both:
                    both.create_task(self._pass(reader, questions))
                    both.create_task(self._pass(answers, writer))
        finally:
            self._inside.discard(writer)
            _reset(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await asyncio.sleep(self._delay)
                await self._passing.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def _connection(target: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
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
def gate(target: str) -> Iterator[Gate]:
    """Run a gate in front of the Unix socket *target* until the block ends; at first it is open."""
    with start_blocking_portal() as portal:
        running = Gate(portal, target)
        running.open()
        try:
            yield running
        finally:
            running.open()  # what waits can end
            running.refuse()
