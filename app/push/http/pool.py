"""Connections that are kept open, so many to one origin and so many in all."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.protocol.subscription import Endpoint
from app.push.http.connection import Answer, PushConnection
from app.push.outcome import DeliveryStatus, Outcome

KEEP_S = 15  # for a connection that nobody uses, and as long again until somebody looks
MAX_CONNECTIONS = 512
MAX_CONNECTIONS_PER_HOST = 64
QUEUE_RETRY_AFTER_S = 1  # when all of those were taken, and none became free in time

# What a message that runs out of time has become by then: only one that had a connection may have arrived.
_QUEUED = Outcome(DeliveryStatus.BUSY, retry_after=QUEUE_RETRY_AFTER_S)
_CONNECTING = Outcome(DeliveryStatus.UNREACHABLE)
_SENT = Outcome(DeliveryStatus.TIMED_OUT)

Turn = asyncio.Future[PushConnection | None]
Connect = Callable[[Endpoint, Callable[[], PushConnection]], Awaitable[PushConnection]]


@dataclass(slots=True)
class Progress:
    """How far a message has come: what has become of it if it runs out of time now."""

    timed_out: Outcome = _QUEUED


@dataclass(slots=True)
class _Host:
    """The connections to one origin: how many, those that nobody uses, and who waits for one."""

    wires: int = 0
    idle: list[PushConnection] = field(default_factory=list)
    waiting: deque[Turn] = field(default_factory=deque)


class ConnectionPool:
    """Connections that stay open, the one used last first."""

    def __init__(self, connect: Connect, size: int = MAX_CONNECTIONS, keep: float = KEEP_S) -> None:
        self._connect = connect
        self._size = size
        self._keep = keep
        self._taken = 0  # of the size, by connections and by those that are being made
        self._hosts: dict[str, _Host] = {}
        self._wires: dict[PushConnection, str] = {}
        self._idle: OrderedDict[PushConnection, float] = OrderedDict()
        self._sweeping: asyncio.TimerHandle | None = None

    async def post(self, endpoint: Endpoint, message: bytes, within: float, progress: Progress) -> Answer:
        """Send a *message* over a connection to *endpoint*, *within* so many seconds.

        Raise `TimeoutError`, which is also raised when there is no room for a connection, `OSError`, or
        `NotAnAnswer`.
        """
        deadline = asyncio.get_running_loop().time() + within
        wire = self._free(endpoint.origin)
        if wire is None:
            async with asyncio.timeout(within):
                wire = await self._take(endpoint, progress)
        progress.timed_out = _SENT
        answer = wire.send(message, deadline)
        try:
            return await answer
        except asyncio.CancelledError:
            wire.leave(answer)
            raise

    def close(self) -> None:
        """Close every connection."""
        for wire in list(self._wires):
            wire.close()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _free(self, origin: str) -> PushConnection | None:
        """Return a connection that nobody uses."""
        host = self._hosts.get(origin)
        while host and host.idle:
            wire = host.idle.pop()
            del self._idle[wire]
            if wire.is_open:
                return wire
        return None

    async def _take(self, endpoint: Endpoint, progress: Progress) -> PushConnection:
        origin = endpoint.origin
        while True:
            if wire := self._free(origin):
                return wire
            host = self._hosts.setdefault(origin, _Host())
            if host.wires < MAX_CONNECTIONS_PER_HOST:
                return await self._open(endpoint, host, progress)
            progress.timed_out = _QUEUED
            wire = await self._turn(host)
            if wire and wire.is_open:
                return wire

    async def _turn(self, host: _Host) -> PushConnection | None:
        """Wait for a connection to become free, or for room for another."""
        turn: Turn = asyncio.get_running_loop().create_future()
        host.waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on(host, turn.result())
            raise

    async def _open(self, endpoint: Endpoint, host: _Host, progress: Progress) -> PushConnection:
        host.wires += 1
        self._taken += 1
        try:
            self._make_room()
            progress.timed_out = _CONNECTING
            wire = await self._connect(endpoint, lambda: PushConnection(self._freed, self._lost))
        except BaseException:
            self._leave(endpoint.origin)
            raise
        self._wires[wire] = endpoint.origin
        return wire

    def _make_room(self) -> None:
        """Close the connection used longest ago if it is one too many. Raise `TimeoutError` without any."""
        if self._taken <= self._size:
            return
        if not self._idle:
            raise TimeoutError
        oldest = next(iter(self._idle))
        oldest.close()
        self._lost(oldest)

    def _freed(self, wire: PushConnection) -> None:
        host = self._hosts[self._wires[wire]]
        self._pass_on(host, wire)

    def _pass_on(self, host: _Host, wire: PushConnection | None) -> None:
        """Give a connection, or the room for one, to who has waited longest."""
        while host.waiting:
            turn = host.waiting.popleft()
            if not turn.done():
                turn.set_result(wire)
                return
        if wire is None or not wire.is_open:
            return
        host.idle.append(wire)
        self._idle[wire] = asyncio.get_running_loop().time()
        self._sweep_later()

    def _lost(self, wire: PushConnection) -> None:
        origin = self._wires.pop(wire, None)
        if origin is None:
            return
        if self._idle.pop(wire, None) is not None:
            self._hosts[origin].idle.remove(wire)
        self._leave(origin)

    def _leave(self, origin: str) -> None:
        host = self._hosts[origin]
        host.wires -= 1
        self._taken -= 1
        self._pass_on(host, None)
        if not host.wires and not host.waiting:
            del self._hosts[origin]

    def _sweep_later(self) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(self._keep, self._sweep)

    def _sweep(self) -> None:
        """Close what nobody has used for long."""
        self._sweeping = None
        since = asyncio.get_running_loop().time() - self._keep
        for wire in [wire for wire, freed_at in self._idle.items() if freed_at <= since]:
            wire.close()
        if self._idle:
            self._sweep_later()
