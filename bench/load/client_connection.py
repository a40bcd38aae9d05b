"""Client connection of the load generator: HTTP/1.1, kept alive, one request in flight at a time."""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from bench.load.workload import Request

LOST = 0  # instead of a status


class Connection(asyncio.Protocol):
    """HTTP/1.1 connection, whose answers go to a callback."""

    request: Request
    asked_at: float

    def __init__(self, port: int, ended: Callable[["Connection", int, bytes], None]) -> None:
        self._host = f"127.0.0.1:{port}"
        self._ended = ended
        self._closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the *transport*."""
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: Request, asked_at: float) -> None:
        """Send *request*, which was due at *asked_at*."""
        self.request, self.asked_at = request, asked_at
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._transport.write(
            b"POST %b HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (request.path.encode(), self._host.encode(), len(request.body), request.body)
        )

    def data_received(self, data: bytes) -> None:
        """Parse the answer."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Report the answer."""
        self._ended(self, self._parser.get_status_code(), self._body)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Report a request without an answer."""
        if not self._closed:
            self._ended(self, LOST, b"no answer")

    def close(self) -> None:
        """Close the connection."""
        self._closed = True
        self._transport.close()
