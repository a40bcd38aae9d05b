"""HTTP/1.1 client connection to a push service (RFC 9112): one request at a time, response heads only."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from app.limits.deadline import Deadline
from app.protocol.subscription import Endpoint

MAX_ANSWER_BYTES = 16_384  # of a head, or of a whole answer whose connection is worth keeping
FINAL = 200  # statuses below are interim (RFC 9110, section 15.2)


class MalformedResponse(Exception):
    """Bytes that are no HTTP answer, or whose head has no end."""


class ConnectionLost(ConnectionError):
    """Connection that ended before an answer: the message may have arrived.

    *is_stale*: it had served before and died without a byte of answer, most likely before the message came.
    """

    def __init__(self, *, is_stale: bool) -> None:
        super().__init__("the connection was closed before an answer")
        self.is_stale = is_stale


class PushResponse(NamedTuple):
    """HTTP answer of a push service: its status, and its Retry-After if it has one."""

    status: int
    retry_after: str | None = None


def serialize_request(endpoint: Endpoint, fields: str, body: bytes) -> bytes:
    """Return the POST of *body* to *endpoint*, byte for byte; each of its header *fields* is a whole line."""
    head = (
        f"POST {endpoint.target} HTTP/1.1\r\nHost: {endpoint.authority}\r\nUser-Agent: whisper\r\n"
        f"Accept-Encoding: identity\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class PushConnection(asyncio.Protocol):
    """HTTP connection to one origin, kept open from one message to the next.

    *free* is told when it can take another message, *lost* when it never will again. After the head of an
    answer its body has *drain_s* seconds to come.
    """

    def __init__(
        self,
        free: Callable[["PushConnection"], None],
        lost: Callable[["PushConnection"], None],
        drain_s: float,
    ) -> None:
        self._on_free = free
        self._on_lost = lost
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[PushResponse] | None = None  # `None` while nothing is asked
        self._deadline = Deadline(self._loop, drain_s, self._give_up)
        self._received = 0
        self._retry_after: str | None = None
        self._ended = False
        self._has_served = False
        self._keeps_alive = False
        self._draining = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the *transport*."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for an answer, and whoever keeps the connection."""
        error = ConnectionLost(is_stale=self._has_served and not self._received)
        error.__cause__ = exc
        self._fail(error)
        self._deadline.close()
        del self._parser  # which holds this: large buffers would wait for the garbage collector
        self._on_lost(self)

    @property
    def is_open(self) -> bool:
        """Whether another message may be sent."""
        return not self._transport.is_closing()

    def send(self, message: bytes, deadline: float) -> asyncio.Future[PushResponse]:
        """Send a *message* of `serialize_request`; return the answer, which comes when its head is read.

        Raise `MalformedResponse` there, `TimeoutError` at the *deadline* (the loop's time), or `OSError`.
        Whoever does not wait for it must `abandon` it.
        """
        self._answer = self._loop.create_future()
        self._deadline.start_at(deadline)
        self._received, self._ended, self._draining = 0, False, False
        self._transport.write(message)
        return self._answer

    def abandon(self, answer: asyncio.Future[PushResponse]) -> None:
        """Hang up, unless *answer* has come and the connection is free, or another's by now."""
        if self._answer is answer:
            self.close()

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read what came, if it was asked for and has an end."""
        if self._answer is None:
            self.close()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._fail(MalformedResponse())
            self.close()
            return
        too_long = self._received > MAX_ANSWER_BYTES
        if self._ended and self._keeps_alive and not too_long and not self._transport.get_write_buffer_size():
            self._deadline.cancel()
            self._answer = None
            self._has_served = True
            self._on_free(self)
        elif self._ended or too_long:
            self._fail(MalformedResponse())
            self.close()
        elif self._answer.done() and not self._draining:
            self._draining = True
            self._deadline.cancel()
            self._deadline.start()

    def on_message_begin(self) -> None:
        """Take no second answer to one message, and nothing from one that was only interim."""
        if self._ended:
            raise MalformedResponse
        self._retry_after = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the one that matters."""
        if name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Say what the answer is, unless it is only an interim one."""
        status = self._parser.get_status_code()
        if status >= FINAL and self._answer is not None and not self._answer.done():
            self._answer.set_result(PushResponse(status, self._retry_after))

    def on_message_complete(self) -> None:
        """Note whether the connection can be used again."""
        self._ended = self._parser.get_status_code() >= FINAL
        self._keeps_alive = self._parser.should_keep_alive()

    def _give_up(self) -> None:
        self._fail(TimeoutError())
        self.close()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
