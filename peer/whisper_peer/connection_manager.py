"""Connection registry: dispatches every verified call to the connection that it belongs to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from whisper_peer.channel import Channel, within
from whisper_peer.connection import Connection
from whisper_peer.errors import AlreadyConnected, ConnectionFailed, Dropped, PeerError, Reason, TimedOut
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.messages import Close, Dial, Message
from whisper_peer.signaling_transport import SignalingTransport

# How long one who is dialled waits for the caller's answer, and for WebRTC.
CONNECT_S = 30

# Connections at once, those that wait to be accepted included.
MAX_CONNECTIONS = 64

log = logging.getLogger(__name__)


class ConnectionManager:
    """Connections of *me*; *transport_for* gives the signaling transport to an address."""

    def __init__(
        self, me: Address, transport_for: Callable[[Address], SignalingTransport], *, accept: bool
    ) -> None:
        self._me = me
        self._transport_for = transport_for
        self._accepts = accept
        self._connections: dict[Address, Connection] = {}
        self._incoming: asyncio.Queue[Channel | PeerError] = asyncio.Queue()
        self._tasks: set[asyncio.Task[PeerError | None]] = set()
        self._releases: set[asyncio.Task[None]] = set()

    async def dial(self, address: Address, now: int, seconds: float) -> Channel:
        """Dial *address* and return the open channel; *now* is the server's time in ms."""
        existing = self._connections.get(address)
        if existing is not None and not existing.ended.is_set():
            raise AlreadyConnected(f"already connected, or connecting, with {address.text}")
        connection = self._connect(address, now)
        opened: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
        task = self._begin(connection, partial(_dial, connection, seconds), opened.set_result)
        try:
            waited: set[asyncio.Future[Any]] = {task, opened}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        if opened.done():
            channel = opened.result()
            channel.budget.extend()
            return channel
        ended = ConnectionFailed("the connection was closed")
        raise ended if task.cancelled() else task.result() or ended

    async def next_incoming(self) -> Channel:
        """Return the next channel that somebody else dialled."""
        incoming = await self._incoming.get()
        if isinstance(incoming, PeerError):
            self._incoming.put_nowait(incoming)  # for the next call
            raise incoming
        incoming.budget.extend()
        return incoming

    def dispatch(self, message: Message) -> None:
        """Act on a believed call. Raise `Dropped` with the reason if there is nothing to be done with it."""
        connection = self._connections.get(message.sender)
        match message:
            case Dial() if connection is None or connection.session.is_replaced_by(message):
                self._answer(message, connection)
            case Close():
                _end(connection, message)
            case _ if connection is None:
                raise Dropped(Reason.UNEXPECTED)
            case _:
                connection.on_message(message)

    def fail_pending(self, trouble: PeerError) -> None:
        """Give up whatever waits for a push: none will come any more. Open channels stay."""
        for connection in self._connections.values():
            if connection.channel is None:
                connection.end(trouble)
        self._incoming.put_nowait(trouble)

    async def close(self) -> None:
        """Close every channel politely, and end everything else. Raise what went wrong unseen."""
        channels = [connection.channel for connection in self._connections.values()]
        await asyncio.gather(*[channel.close() for channel in channels if channel is not None])
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._connections.values()):
            self._release(connection)  # its task ended before it began
        outcomes += await asyncio.gather(*self._releases, return_exceptions=True)
        for mistake in outcomes:
            if isinstance(mistake, Exception) and not isinstance(mistake, PeerError):
                raise mistake

    def _answer(self, dial: Dial, replaced: Connection | None) -> None:
        if not self._accepts:
            raise Dropped(Reason.NOT_ACCEPTING)
        if len(self._connections) + self._incoming.qsize() >= MAX_CONNECTIONS:
            raise Dropped(Reason.BUSY)
        if replaced is not None:
            replaced.end(ConnectionFailed("they dialled anew"))
        connection = self._connect(dial.sender, dial.sent_at)
        connection.on_message(dial)
        self._begin(connection, partial(_offer, connection), self._incoming.put_nowait)

    def _connect(self, them: Address, since: int) -> Connection:
        connection = Connection(self._me, them, since, self._transport_for(them))
        self._connections[them] = connection
        return connection

    def _begin(
        self,
        connection: Connection,
        connect: Callable[[], Awaitable[Channel]],
        deliver: Callable[[Channel], None],
    ) -> asyncio.Task[PeerError | None]:
        task = asyncio.create_task(self._run(connection, connect, deliver), name="connections: a connection")
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    async def _run(
        self,
        connection: Connection,
        connect: Callable[[], Awaitable[Channel]],
        deliver: Callable[[Channel], None],
    ) -> PeerError | None:
        """Connect, give the channel to *deliver*, and let go when it ends. Return what prevented it."""
        try:
            deliver(await connect())
            await connection.ended.wait()
        except PeerError as trouble:
            log.info("no connection with %r: %s", connection.them, trouble)
            return trouble
        finally:
            self._release(connection)
        return None

    def _release(self, connection: Connection) -> None:
        """Take *connection* from the board, and free what it holds in a task that nobody cancels."""
        if self._connections.get(connection.them) is connection:
            del self._connections[connection.them]
        release = asyncio.create_task(connection.release(), name="connections: release")
        self._releases.add(release)
        release.add_done_callback(self._releases.discard)

    def _forget(self, task: asyncio.Task[PeerError | None]) -> None:
        if task.cancelled() or task.exception() is None:  # a mistake is kept until the end, and raised there
            self._tasks.discard(task)


async def _dial(connection: Connection, seconds: float) -> Channel:
    try:
        async with asyncio.timeout(seconds):
            return await connection.dial()
    except TimeoutError:
        raise TimedOut(f"{connection.missing} within {seconds:g} s") from None


async def _offer(connection: Connection) -> Channel:
    return await within(CONNECT_S, connection.offer(), "the caller did not answer our offer")


def _end(connection: Connection | None, close: Close) -> None:
    # Without a connection there is nothing to do: WebRTC is often faster than the push.
    if connection is not None and connection.session.is_ended_by(close):
        connection.end(ConnectionFailed("they closed"))
