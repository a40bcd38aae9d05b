"""HTTP exchange: one request and its response, as an ASGI application receives and sends them."""

import logging
from asyncio import Future, get_running_loop
from http import HTTPStatus
from typing import Protocol

from starlette.types import ASGIApp, Message, Scope
from uvicorn.server import ServerState

from app.api.errors import InternalError
from app.protocol.errors import Refused
from app.server.response_writer import ResponseWriter
from app.telemetry.request_ids import FIELD as REQUEST_ID

log = logging.getLogger(__name__)

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # RFC 9110, section 15.2
_STATUS_LINES = {each.value: b"HTTP/1.1 %d %s" % (each, each.phrase.encode()) for each in HTTPStatus}
MAX_LINES = 128
_WITHOUT_BODY = (204, 304)
_CLOSE = (b"connection", b"close")
_CHUNKED = (b"transfer-encoding", b"chunked")


class HeaderLines(dict[tuple[bytes, bytes], bytes]):
    """Lines of headers, each written once: all but the request's id are the same in most responses."""

    def __missing__(self, header: tuple[bytes, bytes]) -> bytes:
        line = b": ".join(header)
        if b"\r" in line or b"\n" in line:
            raise RuntimeError("a header holds a line break")
        if header[0] != REQUEST_ID:
            if len(self) >= MAX_LINES:
                self.clear()
            self[header] = line
        return line


_lines = HeaderLines()


class ExchangeConnection(Protocol):
    """Connection of an exchange, as the exchange uses it."""

    server_state: ServerState  # its `default_headers` are those of every response: its date

    def complete(self, *, keep_alive: bool) -> None:
        """Go on: the present response is complete."""

    def end_with(self, refusal: Refused, exchange: "HttpExchange") -> None:
        """Answer *exchange* so, if nothing of another answer was sent, and close."""


class HttpExchange:
    """HTTP request, which may still be arriving, and its response."""

    __slots__ = (
        "_body",
        "_connection",
        "_head",
        "_left",
        "_waiter",
        "_writer",
        "awaits_continue",
        "disconnected",
        "has_news",
        "has_sent",
        "keep_alive",
        "more_body",
        "response_complete",
        "response_started",
        "scope",
    )

    def __init__(
        self,
        connection: ExchangeConnection,
        writer: ResponseWriter,
        scope: Scope,
        *,
        keep_alive: bool,
        awaits_continue: bool,
    ) -> None:
        self._connection = connection
        self._writer = writer
        self._body = b""
        self._head = b""  # of the response, until it goes with the first of the body: in one packet
        self._left: int | None = None  # of the announced length; `None` for chunks
        self._waiter: Future[None] | None = None
        self.scope = scope
        self.keep_alive = keep_alive
        self.awaits_continue = awaits_continue
        self.more_body = True
        self.has_news = False  # that the application has not received
        self.disconnected = False
        self.response_started = False
        self.has_sent = False  # of the response, whose head waits for the body
        self.response_complete = False

    async def run(self, app: ASGIApp) -> None:
        """Have *app* serve the request; answer for it if it does not."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:
            log.exception("the application failed")
            self._connection.end_with(InternalError(), self)
        except BaseException:  # as when the server stops, and this took longer than it waits
            self._connection.end_with(InternalError(), self)
            raise
        else:
            if not self.response_complete and not self.disconnected:
                log.error("the application returned without a complete response")
                self._connection.end_with(InternalError(), self)
            elif self._has_unread_rest:
                await self._receive_rest()

    def feed(self, body: bytes) -> None:
        """Take a part of the body."""
        if not self.response_complete:
            self._body += body
        self.has_news = True
        if self._waiter is not None:
            self._wake(self._waiter)

    def feed_eof(self) -> None:
        """Take note that the request is here as a whole."""
        self.more_body = False
        self.has_news = True
        if self._waiter is not None:
            self._wake(self._waiter)

    def disconnect(self) -> None:
        """Take note that the connection is gone: nothing more comes, and nothing that is sent arrives."""
        self.disconnected = self.has_news = True
        if self._waiter is not None:
            self._wake(self._waiter)

    async def receive(self) -> Message:
        """Return what has come of the body, or that the exchange is over; wait for either."""
        if self.awaits_continue and not self.response_started:
            self.awaits_continue = False
            self._writer.write(_CONTINUE)
        while not self.has_news and not self.response_complete:
            self._waiter = get_running_loop().create_future()
            await self._waiter
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        self.has_news = False
        body, self._body = self._body, b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Send a part of the response. What is sent after the client has gone is dropped."""
        if self._writer.is_paused and not self.disconnected:
            await self._writer.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started and kind == "http.response.start":
            self.response_started = True
            self._head = self._make_head(message["status"], message.get("headers", ()))
        elif self.response_started and not self.response_complete and kind == "http.response.body":
            self._send_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{kind} is out of order")

    def _make_head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        lines = [*self._connection.server_state.default_headers, *headers]
        given = dict(headers)
        if b"connection" in given:
            self.keep_alive = self.keep_alive and given[b"connection"].lower() != b"close"
        elif not self.keep_alive:
            lines.append(_CLOSE)
        if b"content-length" in given:
            self._left = int(given[b"content-length"])
        elif self.scope["method"] == "HEAD" or status in _WITHOUT_BODY:
            self._left = 0
        else:
            lines.append(_CHUNKED)
        return b"\r\n".join([_STATUS_LINES[status], *map(_lines.__getitem__, lines), b"", b""])

    def _send_body(self, body: bytes, *, more: bool) -> None:
        head, self._head = self._head, b""
        if self.scope["method"] == "HEAD":
            body = b""
        elif self._left is None:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        else:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body is not as long as its content-length says")
        if head or body:
            self.has_sent = True
            self._writer.write(head + body)
        if not more:
            self.response_complete = True
            if self._waiter is not None:
                self._wake(self._waiter)
            if not self._has_unread_rest:
                self._connection.complete(keep_alive=self.keep_alive)

    @property
    def _has_unread_rest(self) -> bool:
        """Tell whether the connection closes after this, while its client still sends."""
        return not self.keep_alive and self.more_body and not self.awaits_continue and not self.disconnected

    async def _receive_rest(self) -> None:
        """Read the rest of the request, and close: before, the client would be reset, and lose its answer."""
        while self._has_unread_rest:
            self._waiter = get_running_loop().create_future()
            await self._waiter
        self._connection.complete(keep_alive=False)

    @staticmethod
    def _wake(waiter: Future[None]) -> None:
        if not waiter.done():
            waiter.set_result(None)
