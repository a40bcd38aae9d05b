"""An HTTP proxy that opens tunnels with CONNECT: into the small Internet, for who knows the password."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

from tests.hostile.fake_internet import Internet

USER, PASSWORD = "whisper", "p@ss:w/rd"
ENCODED = "p%40ss%3Aw%2Frd"
NEEDED = f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


@dataclass
class ConnectProxy:
    """A proxy; *asked* has each CONNECT's target, *answer* what is said instead of opening a tunnel.

    One that *hangs* never answers.
    """

    internet: Internet
    asked: list[str] = field(default_factory=list)
    answer: bytes = b""
    hangs: bool = False
    port: int = 0
    _served: set["asyncio.Task[None] | None"] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def running(cls, internet: Internet) -> AsyncIterator[Self]:
        """Serve on loopback until the block ends."""
        proxy = cls(internet)
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            for task in filter(None, proxy._served):
                task.cancel()
            await asyncio.gather(*filter(None, proxy._served), return_exceptions=True)

    @property
    def url(self) -> str:
        """What an operator sets."""
        return f"http://{USER}:{ENCODED}@127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._served.add(asyncio.current_task())
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = first.split(" ")
            self.asked.append(target)
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            if self.hangs:
                await reader.read()
            elif self.answer:
                writer.write(self.answer)
            elif method != "CONNECT" or headers.get("proxy-authorization") != NEEDED.lower():
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            else:
                await self._tunnel(target, reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        (address, *_) = self.internet.names[host]
        there, back = await asyncio.open_connection(*self.internet.lead(str(address), int(port)))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            back.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
