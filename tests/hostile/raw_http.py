"""HTTP/1.1 as no library would speak it: a case's bytes over a socket, and whatever comes back."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from tests.hostile.request_builder import CLOSED, Case

# Seconds after which nothing more is waited for: longer than any deadline of the server.
PATIENCE_S = 20

# Seconds between two bytes of a head that comes slowly.
DRIP_EVERY_S = 0.1

# Bytes of a piece of an endless body, and of what is read at once.
PIECE = 4096

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Reply:
    """Reply of a server. *closed* tells that the server then closed the connection, as it had said."""

    status: int | None
    headers: dict[str, str]
    body: bytes
    seconds: float
    closed: bool

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body as JSON, nothing for none."""
        return json.loads(self.body) if self.body else {}


async def exchange(port: int, case: Case, body: bytes) -> Reply:
    """Send *body* as *case* says to the server at *port*, and return its reply.

    It is sent and read at once, because a server may refuse what is not all there. A connection that the
    server wants closed is read to its end.
    """
    loop = asyncio.get_running_loop()
    with socket.socket() as opened:
        opened.setblocking(False)  # noqa: FBT003 - the standard library's
        await loop.sock_connect(opened, ("127.0.0.1", port))
        began = time.monotonic()
        sending = asyncio.create_task(_send(opened, _pieces(case.get("http", {}), case["method"], body)))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await _receive(opened, began, has_body=case.get("http", {}).get("method") != "HEAD")
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending


async def _send(opened: socket.socket, pieces: AsyncGenerator[bytes, None]) -> None:
    async with aclosing(pieces) as each:
        async for piece in each:
            try:
                await asyncio.get_running_loop().sock_sendall(opened, piece)
            except OSError:  # the server has closed; what it said before is read
                return


async def _receive(opened: socket.socket, began: float, *, has_body: bool) -> Reply:
    received = b""
    while _END_OF_HEAD not in received:
        piece = await _read(opened)
        if not piece:
            assert received == b"", "the server closed in the middle of a head"
            return Reply(CLOSED, {}, b"", time.monotonic() - began, closed=True)
        received += piece
    head, _, body = received.partition(_END_OF_HEAD)
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers["content-length"]) if has_body else 0
    while len(body) < length and (piece := await _read(opened)):
        body += piece
    body = body[:length]  # the answer to what else was sent may come with it
    seconds = time.monotonic() - began
    closed = headers.get("connection") == "close"
    while closed and await _read(opened):
        pass
    return Reply(int(status.split()[1]), headers, body, seconds, closed)


async def _read(opened: socket.socket) -> bytes:
    try:
        return await asyncio.get_running_loop().sock_recv(opened, PIECE)
    except ConnectionResetError:  # closed with something still unread there
        return b""


async def _pieces(http: dict[str, Any], method: str, body: bytes) -> AsyncGenerator[bytes, None]:
    head = "\r\n".join([*_head(http, method, len(body)), "", ""]).encode()
    if http.get("drip_headers"):
        for byte in head:
            yield bytes([byte])
            await asyncio.sleep(DRIP_EVERY_S)
    elif http.get("endless"):
        yield head
        while True:
            yield _chunk(b" " * PIECE)
    elif _is_chunked(http):
        yield head
        yield _chunk(body[: len(body) // 2]) + _chunk(body[len(body) // 2 :]) + _chunk(b"")
    else:
        yield head + body


def _head(http: dict[str, Any], method: str, length: int) -> Iterator[str]:
    yield f"{http.get('method', 'POST')} {http.get('path', f'/{method}')} HTTP/1.1"
    headers = {"Host": "whisper", "Content-Type": "application/json"} | http.get("headers", {})
    yield from (f"{name}: {value}" for name, value in headers.items())
    if http.get("chunked"):
        yield "Transfer-Encoding: chunked"
    else:
        yield f"Content-Length: {_announced(http.get('content_length', '+0'), length)}"
    if http.get("duplicate_content_length"):
        yield f"Content-Length: {length + 1}"
    yield from (f"X-Header-{number}: 1" for number in range(http.get("header_count", 0)))


def _announced(rule: str, length: int) -> int:
    """Return the length that is announced: `+100` and `-10` from the true one, or `=-1` outright."""
    return int(rule[1:]) if rule.startswith("=") else length + int(rule)


def _is_chunked(http: dict[str, Any]) -> bool:
    return bool(http.get("chunked")) or http.get("headers", {}).get("Transfer-Encoding") == "chunked"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
