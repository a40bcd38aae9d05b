"""HTTP/1.1 server protocol: uvicorn's, with timeouts, request size limits and JSON refusals."""

import logging
import re
import sys
from asyncio import BaseTransport, Transport
from typing import cast

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.api.errors import HeadTooLarge, MethodNotAllowed, NotHttp, RequestTimedOut
from app.limits.errors import Overloaded
from app.protocol.errors import BodyTooLarge, Refused
from app.server.coalescing_transport import CoalescingTransport
from app.server.connection_context import CONTEXT, EVICTED, UNREAD, ConnectionContext
from app.server.deadline import Deadline, bound_unread
from app.server.request_head_checks import OtherProtocol, find_fault
from app.telemetry.log_format import CONNECTION_LOGGER

MAX_HEAD_BYTES = 16_384  # browsers send about 1 KiB
SLICE_BYTES = 4096  # so much at a time is parsed before it is counted; a call is one or two slices
MAX_REQUEST_BYTES = 131_072  # all of a request: 8 KiB of body in chunks of one byte, and its head

FULL_RETRY_S = 5  # after so many seconds a client that has too many connections may try again

_REQUEST = re.compile(rb"[A-Z]{3,20} /")


class HttpProtocol(HttpToolsProtocol):
    """A connection whose requests are received in time, within bounds, or not at all."""

    _leaving = False  # after the next request, since the server stops
    _latest = b""
    _receiving = False  # a request, some of which is here
    _received = 0  # bytes of it
    _in_head = True
    _active: RequestResponseCycle | None = None  # the one that is served: others may be queued behind it
    _refusal: Refused | None = None  # of what came behind a request that is being served

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for a request, if there is room for the connection."""
        self.logger = logging.getLogger(CONNECTION_LOGGER)
        self._context: ConnectionContext = self.app_state[CONTEXT]
        self._timeouts = self._context.timeouts
        self.timeout_keep_alive = min(self._timeouts.send_s, self._timeouts.keep_alive_s)
        self._receive_deadline = Deadline(
            self.loop, self._timeouts.receive_s, lambda: self._refuse(RequestTimedOut())
        )
        self._other_protocol = OtherProtocol()
        # Runs while too much is unsent, or the connection closes.
        self._send_deadline = Deadline(self.loop, self._timeouts.send_s, self._give_up)
        self._coalescing_transport = CoalescingTransport(
            cast("Transport", transport), self._send_deadline.start
        )
        super().connection_made(self._coalescing_transport)
        bound_unread(cast("Transport", transport), self._timeouts.send_s)
        if self._context.limits.admit(self, self.client[0] if self.client else ""):
            self._receive_deadline.start()
        else:
            self._refuse(Overloaded("Too many connections are open.", retry_after=FULL_RETRY_S))

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        if isinstance(exc, TimeoutError):
            self._context.count(UNREAD)
        self._context.limits.release(self)
        self._receive_deadline.close()
        self._send_deadline.close()
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, a slice at a time, unless a request grows too large."""
        if self._refusal or self.transport.is_closing():
            return
        self._receiving = True
        for start in range(0, len(data), SLICE_BYTES):
            self._latest = data[start : start + SLICE_BYTES]
            self._received += len(self._latest)
            self._other_protocol.feed(self._latest)
            super().data_received(self._latest)
            if self._in_head and self._received > MAX_HEAD_BYTES:
                self._refuse(HeadTooLarge())
            elif self._received > MAX_REQUEST_BYTES:
                self._refuse(BodyTooLarge())
            if self._refusal or self.transport.is_closing():
                return
        if self._receiving:  # more is to come; most requests are here at once, and wait for nothing
            self._receive_deadline.start()

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
        elif self._other_protocol.follows(self.url):
            self._refuse(NotHttp())
        elif fault := find_fault(self.headers, self.parser.get_http_version()):
            self._refuse(NotHttp(fault))
        else:
            super().on_headers_complete()
            if not self.pipeline:
                self._active = self.cycle
            if self._leaving:
                self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Let the request take its time, now that it is here."""
        self._receive_deadline.cancel()
        self._receiving = False
        self._latest = b""  # what follows begins somewhere inside
        self._received, self._in_head = 0, True
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, or to the refusal of what came instead."""
        self._coalescing_transport.flush()
        self._context.limits.touch(self)
        if self.pipeline:
            self._active, _ = self.pipeline[-1]
        super().on_response_complete()
        if self.pipeline:  # uvicorn reads on after each answer, and the queue of requests would have no end
            self.flow.pause_reading()
        if self._refusal and not self.pipeline:
            self._refuse(self._refusal)

    def shutdown(self) -> None:
        """End after the present request; an idle client may be sending one just now, which is served."""
        is_idle = not (self._served or self._leaving)
        self._leaving = True
        if not is_idle:
            super().shutdown()
        else:
            self.loop.call_later(self._timeouts.late_s, self.shutdown)

    def pause_writing(self) -> None:
        """Wait for the client to take its answers, but not for ever."""
        super().pause_writing()
        self._send_deadline.start()

    def resume_writing(self) -> None:
        """Go on, unless it closes: then the rest has to be taken in time, too."""
        if not self.transport.is_closing():
            self._send_deadline.cancel()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Let the connection idle, as long as the client has read the latest answer."""
        idle_s = self._timeouts.keep_alive_s - self.timeout_keep_alive
        if self.transport.get_write_buffer_size():
            self._give_up()
        elif idle_s > 0:
            close = super().timeout_keep_alive_handler
            self.timeout_keep_alive_task = self.loop.call_later(idle_s, close)
        else:
            super().timeout_keep_alive_handler()

    @property
    def _served(self) -> RequestResponseCycle | None:
        return self._active if self._active and not self._active.response_complete else None

    def close_if_idle(self) -> bool:
        """Close it if nothing of a request is here, and tell whether it was."""
        return not self._receiving and self.close_if_receiving()

    def close_if_receiving(self) -> bool:
        """Close it if no whole request is here, and tell whether it was."""
        if ((served := self._served) and not served.more_body) or self.transport.is_closing():
            return False
        self._context.count(EVICTED)
        self._leave()
        self.transport.close()
        return True

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing more: the client was told."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in our own words; an unknown HTTP method is told as one."""
        del msg
        unknown_method = isinstance(sys.exception(), HttpParserInvalidMethodError)
        self._refuse(MethodNotAllowed() if unknown_method and _REQUEST.match(self._latest) else NotHttp())

    def _refuse(self, refusal: Refused) -> None:
        """Answer in the form of every refusal, and close; a whole request before has its own answer first."""
        if self.transport.is_closing():
            return
        if (served := self._served) and not served.more_body:
            self._refusal = self._refusal or refusal
            self.flow.pause_reading()
            if self.pipeline and self.cycle.more_body:
                self.pipeline.popleft()  # what is refused: it is here in part, and would never be served
            return
        if not served or not served.response_started:
            self.transport.write(self._context.refuse(refusal))
        self._leave()
        self.transport.close()

    def _give_up(self) -> None:
        """End at once: what is unsent is lost, and its client would not have read it."""
        self._context.count(UNREAD)
        self._leave()
        self.transport.abort()

    def _leave(self) -> None:
        """Let the application know, before it writes to a connection that is closed."""
        for cycle in (self._active, self.cycle):
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()
