"""HTTP connection pool with limits per origin and in total."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from app.protocol.subscription import Endpoint
from app.push.deadlines import Deadlines
from app.push.http.connection import ConnectionLost, PushConnection, PushResponse
from app.push.outcome import DeliveryStatus, Outcome

MAX_CONNECTIONS = 1024  # as many as calls in flight by default
MIN_PER_HOST = 8  # however few there are in all
QUEUE_RETRY_AFTER_S = 1  # when all of those were taken, and none became free in time

# Outcomes of a message that runs out of time: only one that had a connection may have arrived.
_QUEUED = Outcome(DeliveryStatus.BUSY, retry_after=QUEUE_RETRY_AFTER_S)
_CONNECTING = Outcome(DeliveryStatus.UNREACHABLE)
_SENT = Outcome(DeliveryStatus.TIMED_OUT)

Turn = asyncio.Future[PushConnection | None]
Connect = Callable[[Endpoint, Callable[[], PushConnection]], Awaitable[PushConnection]]


@dataclass(slots=True)
class TimeoutOutcome:
    """Outcome of a message that runs out of time now: it depends on how far the message has come."""

    outcome: Outcome = _QUEUED


@dataclass(slots=True)
class _Host:
    """Connections to one origin: their number, the idle ones, and the queue of messages that wait for one."""

    connections: int = 0
    idle: list[PushConnection] = field(default_factory=list)
    waiting: deque[Turn] = field(default_factory=deque)


class ConnectionPool:
    """Pool of *size* connections that stay open; the one used last serves first.

    A push service that takes long needs a connection for each message on its way. It may have half of all: a
    slow one leaves room for the others.
    """

    def __init__(self, connect: Connect, deadlines: Deadlines, size: int = MAX_CONNECTIONS) -> None:
        self._connect = connect
        self._keep_s = deadlines.keep_s
        self._drain_s = deadlines.drain_s
        self._size = size
        self._per_host = max(MIN_PER_HOST, size // 2)
        self._taken = 0  # of the size, by connections and by those that are being made
        self._hosts: dict[str, _Host] = {}
        self._connections: dict[PushConnection, str] = {}
        self._idle: dict[PushConnection, float] = {}  # since when, the longest first
        self._sweep_timer: asyncio.TimerHandle | None = None

    async def post(
        self, endpoint: Endpoint, message: bytes, deadline: float, on_timeout: TimeoutOutcome
    ) -> PushResponse:
        """Send a *message* over a connection to *endpoint*, and return the answer before the *deadline*.

        A message that a kept connection swallowed as it died is sent once more, over a new one.

        Raise `TimeoutError`, which is also raised when there is no room for a connection, `ConnectionLost`
        for a message that may have arrived, other `OSError`s without a connection, or `MalformedResponse`.
        """
        was_lost = False
        while True:
            connection = self._take_idle(endpoint.origin)
            if connection is None:
                async with asyncio.timeout_at(deadline):
                    connection = await self._take(endpoint, on_timeout)
            on_timeout.outcome = _SENT
            answer = connection.send(message, deadline)
            try:
                return await answer
            except asyncio.CancelledError:
                connection.abandon(answer)
                raise
            except ConnectionLost as lost:
                if was_lost or not lost.is_stale:
                    raise
            was_lost = True
            self._close_idle(endpoint.origin)  # which have most likely died with it

    async def try_connection(self, endpoint: Endpoint) -> None:
        """Connect to *endpoint*, and hang up. Raise `OSError` if that fails."""
        host = self._hosts.setdefault(endpoint.origin, _Host())
        connection = await self._open(endpoint, host, TimeoutOutcome())
        connection.close()

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._connections):
            connection.close()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()

    def _take_idle(self, origin: str) -> PushConnection | None:
        """Return an idle connection."""
        host = self._hosts.get(origin)
        while host and host.idle:
            connection = host.idle.pop()
            del self._idle[connection]
            if connection.is_open:
                return connection
        return None

    def _close_idle(self, origin: str) -> None:
        while connection := self._take_idle(origin):
            connection.close()

    async def _take(self, endpoint: Endpoint, on_timeout: TimeoutOutcome) -> PushConnection:
        origin = endpoint.origin
        while True:
            if connection := self._take_idle(origin):
                return connection
            host = self._hosts.setdefault(origin, _Host())
            if host.connections < self._per_host:
                return await self._open(endpoint, host, on_timeout)
            on_timeout.outcome = _QUEUED
            connection = await self._wait_for_turn(host)
            if connection and connection.is_open:
                return connection

    async def _wait_for_turn(self, host: _Host) -> PushConnection | None:
        """Wait for a connection to become free, or for room for another."""
        turn: Turn = asyncio.get_running_loop().create_future()
        host.waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on(host, turn.result())
            raise

    async def _open(self, endpoint: Endpoint, host: _Host, on_timeout: TimeoutOutcome) -> PushConnection:
        host.connections += 1
        self._taken += 1
        try:
            self._make_room()
            on_timeout.outcome = _CONNECTING
            free = partial(self._pass_on, host)
            connection = await self._connect(
                endpoint, lambda: PushConnection(free, self._forget, self._drain_s)
            )
        except BaseException:
            self._release(endpoint.origin)
            raise
        self._connections[connection] = endpoint.origin
        return connection

    def _make_room(self) -> None:
        """Close the connection used longest ago if it is one too many. Raise `TimeoutError` without any."""
        if self._taken <= self._size:
            return
        if not self._idle:
            raise TimeoutError
        oldest = next(iter(self._idle))
        oldest.close()
        self._forget(oldest)

    def _pass_on(self, host: _Host, connection: PushConnection | None) -> None:
        """Give a connection, or the room for one, to whoever has waited longest."""
        while host.waiting:
            turn = host.waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None or not connection.is_open:
            return
        host.idle.append(connection)
        self._idle[connection] = asyncio.get_running_loop().time()
        if self._sweep_timer is None:
            self._sweep_later()

    def _forget(self, connection: PushConnection) -> None:
        origin = self._connections.pop(connection, None)
        if origin is None:
            return
        if self._idle.pop(connection, None) is not None:
            self._hosts[origin].idle.remove(connection)
        self._release(origin)

    def _release(self, origin: str) -> None:
        host = self._hosts[origin]
        host.connections -= 1
        self._taken -= 1
        self._pass_on(host, None)
        if not host.connections and not host.waiting:
            del self._hosts[origin]

    def _sweep_later(self) -> None:
        self._sweep_timer = asyncio.get_running_loop().call_later(self._keep_s, self._sweep)

    def _sweep(self) -> None:
        """Close connections that have been idle for long."""
        self._sweep_timer = None
        since = asyncio.get_running_loop().time() - self._keep_s
        for connection in [connection for connection, freed_at in self._idle.items() if freed_at <= since]:
            connection.close()
        if self._idle:
            self._sweep_later()
