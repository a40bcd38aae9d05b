"""ASGI applications of tests, served by connections of ours in this process."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from app.server.connection_context import CONTEXT, ConnectionContext, Timeouts, serialize_refusal
from app.server.connection_limits import ConnectionLimits
from app.server.http_protocol import HttpProtocol
from app.server.read_budget import PATIENCE_S as READ_PATIENCE_S
from app.server.read_budget import ReadBudget

REQUEST = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTH_3 = (b"content-length", b"3")
PATIENCE_S = 5
TIMEOUTS = Timeouts()
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: a close is a reset

Serve = Callable[[Receive, Send], Awaitable[None]]


def app_of(serve: Serve) -> ASGIApp:
    """Return *serve* as an application."""

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await serve(receive, send)

    return app


@dataclass(frozen=True)
class Client:
    """A client's end of a connection to *port*, with the *state* of the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    port: int
    state: ServerState

    def reset(self) -> None:
        """Go: a mere end of its side would not say that it reads no more."""
        opened: socket.socket = self.writer.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()

    async def read_to_end(self) -> bytes:
        """Return all that comes until the server closes."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE_S)

    async def read_answer(self) -> bytes:
        """Return a response with a body of three bytes."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        return head + await self.reader.readexactly(3)


@asynccontextmanager
async def connected(
    app: ASGIApp, timeouts: Timeouts = TIMEOUTS, patience_s: float = READ_PATIENCE_S
) -> AsyncIterator[Client]:
    """Serve *app* by connections of ours, and yield a client."""
    config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off", interface="asgi3")
    config.load()
    limits, read_budget = ConnectionLimits(200, 200, []), ReadBudget(patience_s=patience_s)
    context = ConnectionContext(
        lambda refused: serialize_refusal(refused, 0), print, limits, timeouts, read_budget
    )
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpProtocol(config, state, {CONTEXT: context}), "127.0.0.1", 0
    )
    host, port = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield Client(reader, writer, port, state)
    finally:
        writer.close()
        server.close()
        async with asyncio.timeout(PATIENCE_S):
            while state.connections:
                await asyncio.sleep(0.01)


async def ask(app: ASGIApp, request: bytes = REQUEST) -> bytes:
    """Return all that is answered to *request*, until the connection is closed."""
    async with connected(app) as client:
        client.writer.write(request.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        return await client.read_to_end()


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, object]:
    """Return the begin of a response."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: bytes, *, more: bool = False) -> dict[str, object]:
    """Return a part of a body."""
    return {"type": "http.response.body", "body": data, "more_body": more}


async def answer_one(send: Send) -> None:
    """Send a response of three bytes."""
    await send(start(LENGTH_3))
    await send(body(b"one"))
