"""HTTP/1.1 connection: uvicorn's, with deadlines, bounds for the size of a request, and our refusals."""

import logging
import re
import sys
from asyncio import BaseTransport, TimerHandle, Transport
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.answers import refusal as answer_for
from app.api.errors import HeadTooLarge, MethodNotAllowed, NotHttp, RequestTimedOut
from app.api.headers import SECURITY_HEADERS
from app.api.state import AppState
from app.protocol.errors import BodyTooLarge, Refused
from app.server.head_buffer import HeadBuffer
from app.telemetry.log_format import CONNECTION_LOGGER

MAX_HEAD_BYTES = 16_384  # browsers send about 1 KiB
SLICE_BYTES = 4096  # so much at a time is parsed before it is counted; a call is one or two slices
MAX_REQUEST_BYTES = 131_072  # all of a request: 8 KiB of body in chunks of one byte, and its head

CONTEXT = "connections"  # its name in the lifespan's state, which uvicorn gives to each connection

_REFUSALS = (NotHttp, MethodNotAllowed, RequestTimedOut, BodyTooLarge, HeadTooLarge)
_REQUEST = re.compile(rb"[A-Z]{3,20} /")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a connection waits, seconds."""

    receive_s: float = (
        15  # for a request's head and body: a phone on a bad line needs a few seconds for 8 KiB
    )
    keep_alive_s: float = 5  # for the next request
    late_s: float = 1  # for the first request of a connection that was made when the server stops


@dataclass(frozen=True, slots=True)
class ConnectionContext:
    """What every connection of a server is given."""

    refuse: Callable[[Refused], bytes]
    timeouts: Timeouts

    @classmethod
    def of(cls, app: AppState, timeouts: Timeouts) -> "ConnectionContext":
        """Return the context of connections to *app*, which counts and dates their refusals."""
        app.observer.metrics.expect_refused_connections(kind.code for kind in _REFUSALS)

        def refuse(refused: Refused) -> bytes:
            app.observer.metrics.record_refused_connection(refused.code)
            return _response(refused, app.clock())

        return cls(refuse, timeouts)


class HttpProtocol(HttpToolsProtocol):
    """A connection whose requests are received in time, within bounds, or not at all."""

    _deadline: TimerHandle | None = None
    _unread: TimerHandle | None = None  # runs while the client does not take its answers
    _leaving = False  # after the present request, since the server stops
    _latest = b""
    _receiving = False  # a request, some of which is here
    _received = 0  # bytes of it
    _in_head = True
    _refusal: Refused | None = None  # of what came behind a request that is being served

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for a request."""
        self.logger = logging.getLogger(CONNECTION_LOGGER)
        self._context: ConnectionContext = self.app_state[CONTEXT]
        self._timeouts = self._context.timeouts
        self.timeout_keep_alive = self._timeouts.keep_alive_s
        self._head_buffer = HeadBuffer(cast("Transport", transport))
        super().connection_made(self._head_buffer)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._end()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, a slice at a time, unless a request grows too large."""
        if self._refusal:
            return
        self._receiving = True
        for start in range(0, len(data), SLICE_BYTES):
            self._latest = data[start : start + SLICE_BYTES]
            self._received += len(self._latest)
            super().data_received(self._latest)
            if self._in_head and self._received > MAX_HEAD_BYTES:
                self._refuse(HeadTooLarge())
            elif self._received > MAX_REQUEST_BYTES:
                self._refuse(BodyTooLarge())
            if self._refusal or self.transport.is_closing():
                return
        if self._receiving:  # more is to come; most requests are here at once, and wait for nothing
            self._begin()

    def on_message_begin(self) -> None:
        """Begin to receive a request."""
        super().on_message_begin()
        self._receiving = True

    def on_headers_complete(self) -> None:
        """Serve the request, but no upgrade: the parser stops at it, and would take its body for another."""
        self._in_head = False
        if self._received > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge())
        elif self.parser.should_upgrade():
            self._refuse(NotHttp("No other protocol is spoken here: send the request without Upgrade."))
        else:
            super().on_headers_complete()
            if self._leaving:
                self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Let the request take its time, now that it is here."""
        self._end()
        self._receiving = False
        self._latest = b""  # what follows begins somewhere inside
        self._received, self._in_head = 0, True
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, or to the refusal of what came instead."""
        self._head_buffer.flush()
        super().on_response_complete()
        if self._refusal and not self.pipeline:
            self._refuse(self._refusal)

    def shutdown(self) -> None:
        """End after what is being served. Who has only just connected may still make one request."""
        if self.cycle is None and not self._leaving:
            self._leaving = True
            self.loop.call_later(self._timeouts.late_s, self.shutdown)
        else:
            super().shutdown()

    def pause_writing(self) -> None:
        """Wait for the client to take its answers, but not for ever."""
        super().pause_writing()
        self._unread = self.loop.call_later(self._timeouts.receive_s, self._give_up)

    def resume_writing(self) -> None:
        """Go on."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing more: the client was told."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in our own words; an unknown HTTP method is told as one."""
        del msg
        unknown_method = isinstance(sys.exception(), HttpParserInvalidMethodError)
        self._refuse(MethodNotAllowed() if unknown_method and _REQUEST.match(self._latest) else NotHttp())

    def _begin(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._timeouts.receive_s, self._expire)

    def _end(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._refuse(RequestTimedOut())

    def _refuse(self, refusal: Refused) -> None:
        """Answer in the form of every refusal, and close; a whole request before has its own answer first."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            self._refusal = self._refusal or refusal
            self.flow.pause_reading()
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(self._context.refuse(refusal))
        self._leave()
        self.transport.close()

    def _give_up(self) -> None:
        self._leave()
        self.transport.abort()

    def _leave(self) -> None:
        """Let the application know, before it writes to a connection that is closed."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()


def _response(refused: Refused, now: int) -> bytes:
    answer = answer_for(now, refused)
    security = {name.lower().encode(): value.encode() for name, value in SECURITY_HEADERS.items()}
    headers = security | dict(answer.headers) | {b"connection": b"close"}
    status = b"HTTP/1.1 %d %s" % (answer.status, HTTPStatus(answer.status).phrase.encode())
    lines = [status, *(b"%s: %s" % header for header in headers.items())]
    return b"\r\n".join([*lines, b"", answer.body])
