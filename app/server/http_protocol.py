"""HTTP/1.1 protocol for uvicorn: requests in time, within bounds and in order, refusals in the one form."""

from asyncio import BaseTransport, Transport, get_running_loop
from asyncio import Protocol as StreamProtocol
from typing import Any, cast

from starlette.types import Scope
from uvicorn import Config
from uvicorn.server import ServerState

from app.api.errors import RequestTimedOut
from app.limits.deadline import Deadline
from app.limits.errors import Overloaded
from app.protocol.errors import Refused
from app.server.connection_context import CONTEXT, EVICTED, UNREAD, ConnectionContext
from app.server.http_exchange import HttpExchange
from app.server.keep_alive import KeepAlive
from app.server.request_parser import RequestParser
from app.server.request_queue import RequestQueue
from app.server.response_writer import ResponseWriter, bound_unread
from app.server.socket_addresses import client_address, server_address

# Seconds after which a client may try again that has too many connections, or found the server too busy.
FULL_RETRY_S = 5
BUSY_RETRY_S = 1


class HttpProtocol(StreamProtocol):
    """HTTP/1.1 connection whose requests are received in time, within bounds, or not at all.

    One task serves its requests, one after the other.
    """

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: object = None
    ) -> None:
        self.server_state = server_state
        self._connections: set[Any] = server_state.connections  # which names no class but its own
        self.app_state = app_state
        self._loop = loop = get_running_loop()
        self._context: ConnectionContext = app_state[CONTEXT]
        self._queue = RequestQueue(config.loaded_app, server_state.tasks, self._go_on)
        self.take_body = self._queue.feed
        self._parser = RequestParser(self)
        self._is_paused = False  # nothing is read: requests wait
        self._refusal: Refused | None = None  # of what came behind a request that is being served
        self._leaving = False  # after the next request, since the server stops
        self._is_deferred = False  # with data that the read budget does not allow to be parsed yet
        receive_s = self._context.timeouts.receive_s
        self._receive_deadline = Deadline(loop, receive_s, lambda: self.refuse(RequestTimedOut()))

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for a request, if there is room for the connection."""
        self._transport = cast("Transport", transport)
        timeouts = self._context.timeouts
        self._writer = ResponseWriter(self._transport, Deadline(self._loop, timeouts.send_s, self._give_up))
        self._keep_alive = KeepAlive(self._loop, timeouts, self._writer, self._give_up)
        opened = transport.get_extra_info("socket")
        self.server, self.client = server_address(opened), client_address(opened)
        self._connections.add(self)
        bound_unread(self._transport, timeouts.send_s)
        if self._context.limits.admit(self, self.client[0] if self.client else ""):
            self._receive_deadline.start()
        else:
            self.refuse(Overloaded("Too many connections are open.", retry_after=FULL_RETRY_S))

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        if isinstance(exc, TimeoutError):
            self._context.count(UNREAD)
        self._connections.discard(self)
        self._context.limits.release(self)
        self._parser.close()
        self._receive_deadline.close()
        self._keep_alive.close()
        self._queue.disconnect()
        self._writer.end()
        self._queue.close()

    def data_received(self, data: bytes) -> None:
        """Parse what came, as soon as the read budget allows."""
        self._keep_alive.cancel()
        self._parser.feed(data)
        if self._is_deferred:
            self._pause_reading()
        elif self._context.read_budget.consume(self):
            self._parse()
        else:
            self._is_deferred = True

    def read_on(self, *, late: bool) -> None:
        """Parse what came, or refuse a call because it is *late*: a health check is answered."""
        self._is_deferred = False
        if late and self._parser.holds_call:
            self.refuse(Overloaded(retry_after=BUSY_RETRY_S))
        elif not self._transport.is_closing():
            self._parse()

    def eof_received(self) -> bool:
        """Answer the whole requests that are here, and close: a client may end its side (RFC 9112, 6.3)."""
        if self._is_deferred:
            self._parse()
        if self.accepts_more:  # otherwise the end is read again, after the rest of the requests
            self._queue.end_after_latest()
        unanswered = self._queue.unanswered
        return unanswered is not None and not unanswered.more_body

    def _parse(self) -> None:
        """Parse, and read on within a deadline, unless requests wait, something was refused, or it closes."""
        self._parser.parse_on()
        if self._refusal is not None or self._transport.is_closing():
            return
        if self._queue.waiting:  # or the queue would have no end
            self._pause_reading()
            self._receive_deadline.cancel()
            return
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        if self._parser.is_receiving:  # most requests are here at once
            self._receive_deadline.start()
        elif self._queue.current is None:
            self._keep_alive.start()

    def _pause_reading(self) -> None:
        self._is_paused = True
        self._transport.pause_reading()

    @property
    def accepts_more(self) -> bool:
        """Tell whether more is parsed now: not while requests wait, after a refusal, or when it closes."""
        return not self._queue.waiting and self._refusal is None and not self._transport.is_closing()

    def begin_request(self, scope: Scope, *, keep_alive: bool, awaits_continue: bool) -> None:
        """Serve the request, or let it wait for those before it."""
        keep_alive = keep_alive and not self._leaving
        self._queue.put(
            HttpExchange(self, self._writer, scope, keep_alive=keep_alive, awaits_continue=awaits_continue)
        )

    def end_request(self) -> None:
        """Let the request take its time, now that it is here."""
        self._receive_deadline.cancel()
        self._queue.feed_eof()

    def _go_on(self) -> None:
        """Read on after a request was served, or refuse what came instead of the next, or wait for one."""
        if self._transport.is_closing():
            self._queue.close()
        elif self._refusal is not None:
            if self._queue.current is None:
                self.end_with(self._refusal, None)
        elif self._is_paused and not self._is_deferred:  # what is deferred waits for its turn
            self._parse()
        elif self._queue.current is None and not self._parser.is_receiving:
            self._keep_alive.start()

    def complete(self, *, keep_alive: bool) -> None:
        """Take note of a complete response."""
        self._context.limits.touch(self)
        if not keep_alive:
            self._writer.close()

    def refuse(self, refusal: Refused) -> None:
        """Answer in the form of every refusal, and close; a whole request before has its own answer first."""
        if self._transport.is_closing():
            return
        unanswered = self._queue.unanswered
        if unanswered is None or unanswered.more_body:
            self.end_with(refusal, unanswered or self._queue.arriving)
            return
        self._refusal = self._refusal or refusal
        self._transport.pause_reading()
        self._queue.withdraw_arriving()  # what is refused: it would never be served

    def end_with(self, refusal: Refused, exchange: HttpExchange | None) -> None:
        """Answer *exchange* so, if nothing of another answer was sent, and close."""
        if exchange is None or not exchange.has_sent:
            self._writer.write(self._context.refuse(refusal))
        self._queue.disconnect()
        self._writer.close()

    def shutdown(self) -> None:
        """End after the present request; an idle client may be sending one just now, which is served."""
        was_leaving, self._leaving = self._leaving, True
        if self._queue.unanswered is not None:
            self._queue.end_after_latest()
        elif was_leaving and not self._is_deferred:
            self._writer.close()
        else:
            self._loop.call_later(self._context.timeouts.late_s, self.shutdown)

    def pause_writing(self) -> None:
        """Wait for the client to take its answers."""
        self._writer.pause()

    def resume_writing(self) -> None:
        """Write on."""
        self._writer.resume()

    def evict(self, *, receiving: bool) -> bool:
        """Close it if nothing of a request is here, or if it is only *receiving* one; tell whether it was."""
        unanswered = self._queue.unanswered
        is_served = (unanswered and not unanswered.more_body) or self._is_deferred
        if is_served or self._transport.is_closing() or (self._parser.is_receiving and not receiving):
            return False
        self._context.count(EVICTED)
        self._queue.disconnect()
        self._writer.close()
        return True

    def _give_up(self) -> None:
        """End at once: what is unsent is lost, and its client would not have read it."""
        self._context.count(UNREAD)
        self._queue.disconnect()
        self._transport.abort()
