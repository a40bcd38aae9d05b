"""Connection registry: dispatches every verified call to the connection that it belongs to."""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from whisper_peer.background_tasks import BackgroundTasks
from whisper_peer.channels.channel import Channel
from whisper_peer.channels.timeouts import wait_for
from whisper_peer.connection import Connection
from whisper_peer.errors import (
    AlreadyConnected,
    AnsweredElsewhere,
    ConnectionFailed,
    Dropped,
    PeerError,
    Reason,
    TimedOut,
)
from whisper_peer.incoming_calls import IncomingCalls
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.messages import Close, Dial, Message
from whisper_peer.signaling_transport import SignalingTransport

# How long one who is dialled waits for the caller's answer, and for WebRTC.
CONNECT_S = 30

# Connections at once, those that wait to be accepted included.
MAX_CONNECTIONS = 64

log = logging.getLogger(__name__)


class ConnectionManager:
    """Connections of *me*; *transport_for* gives the signaling transport to an address.

    A dial rings if *calls* has an `on_call`, and is accepted if not.
    """

    def __init__(
        self, me: Address, transport_for: Callable[[Address], SignalingTransport], *, accept: bool
    ) -> None:
        self._me = me
        self._transport_for = transport_for
        self._accepts = accept
        self.calls = IncomingCalls(me, self._accept, self._decline)
        self._connections: dict[Address, Connection] = {}
        self._incoming: asyncio.Queue[Channel] = asyncio.Queue()
        self._tasks = BackgroundTasks("connections")
        self._aside = BackgroundTasks("connections, aside")  # nobody cancels them

    async def dial(self, address: Address, now: int, seconds: float) -> Channel:
        """Dial *address* and return the open channel; *now* is the server's time in ms."""
        existing = self._connections.get(address)
        if existing is not None and not existing.ended.is_set():
            raise AlreadyConnected(f"already connected, or connecting, with {address.text}")
        connection = self._connect(address, now)
        return await self._open(connection, partial(_dial, connection, seconds))

    async def _open(self, connection: Connection, connect: Callable[[], Awaitable[Channel]]) -> Channel:
        """Connect and return the open channel."""
        opened: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
        task = self._tasks.start(self._run(connection, connect, opened.set_result))
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
        incoming.budget.extend()
        return incoming

    def dispatch(self, message: Message, devices: int = 1) -> None:
        """Act on a believed call, pushed to so many *devices*. Raise `Dropped` with the reason if not."""
        connection = self._connections.get(message.sender)
        match message:
            case Dial() if self.calls.is_answered_elsewhere(message):
                raise Dropped(Reason.ANSWERED_ELSEWHERE)
            case Dial() if connection is None or connection.session.is_replaced_by(message):
                self._on_dial(message, connection, devices)
            case Close():
                self.calls.on_close(message)
                _end(connection, message)
            case _ if connection is None:
                raise Dropped(Reason.UNEXPECTED)
            case _:
                self._on_message(connection, message, devices)

    def _on_message(self, connection: Connection, message: Message, devices: int) -> None:
        try:
            connection.on_message(message)
        except Dropped as dropped:
            session, them = connection.session, self._transport_for(connection.them)
            if dropped.reason is Reason.GLARE and isinstance(message, Dial):
                self._silence(message, devices)  # ours is answered instead
            elif session.is_too_late(message):
                self._aside.start(them.close(to_device=message.from_device, dial_key=session.encryption_key))
            raise

    async def close(self) -> None:
        """Close every channel politely, and end everything else. Raise what went wrong unseen."""
        channels = [connection.channel for connection in self._connections.values()]
        await asyncio.gather(*[channel.close() for channel in channels if channel is not None])
        mistakes = await self.calls.close() + await self._tasks.cancel()
        for connection in list(self._connections.values()):
            self._release(connection)  # its task ended before it began
        mistakes += await self._aside.finish()
        if mistakes:
            raise mistakes[0]

    def _on_dial(self, dial: Dial, replaced: Connection | None, devices: int) -> None:
        if not self._accepts:
            raise Dropped(Reason.NOT_ACCEPTING)
        if len(self._connections) + self._incoming.qsize() >= MAX_CONNECTIONS:
            raise Dropped(Reason.BUSY)
        if self.calls.on_call is None or (replaced is not None and replaced.session.is_same_device(dial)):
            connection = self._answer(dial, devices)
            offering = partial(_offer, connection)
            self._tasks.start(self._run(connection, offering, self._incoming.put_nowait))
        else:
            self.calls.ring(dial, devices)

    async def _accept(self, dial: Dial, devices: int) -> Channel:
        connection = self._answer(dial, devices)
        return await self._open(connection, partial(_offer, connection))

    async def _decline(self, dial: Dial, devices: int) -> None:
        self._silence(dial, devices)
        await self._transport_for(dial.sender).close(to_device=dial.from_device)

    def _answer(self, dial: Dial, devices: int) -> Connection:
        """Return the connection that answers *dial*, here and on none of our other devices."""
        if (replaced := self._connections.get(dial.sender)) is not None:
            replaced.end(ConnectionFailed("they dialled anew"))
        connection = self._connect(dial.sender, dial.sent_at)
        connection.on_message(dial)
        self._silence(dial, devices)
        return connection

    def _silence(self, dial: Dial, devices: int) -> None:
        """Tell our other devices, if *dial* rings there, that it is dealt with."""
        if devices > 1:
            self._aside.start(
                self._transport_for(self._me).close(dial_key=b64encode(dial.encryption_key).decode())
            )

    def _connect(self, them: Address, since: int) -> Connection:
        connection = Connection(self._me, them, since, self._transport_for(them))
        self._connections[them] = connection
        return connection

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
        """Take *connection* from the board, and free what it holds."""
        if self._connections.get(connection.them) is connection:
            del self._connections[connection.them]
        self._aside.start(connection.release())


async def _dial(connection: Connection, seconds: float) -> Channel:
    try:
        async with asyncio.timeout(seconds):
            return await connection.dial()
    except TimeoutError:
        raise TimedOut(f"{connection.missing} within {seconds:g} s") from None


async def _offer(connection: Connection) -> Channel:
    return await wait_for(CONNECT_S, connection.offer(), "the caller did not answer our offer")


def _end(connection: Connection | None, close: Close) -> None:
    # Without a connection there is nothing to do: WebRTC is often faster than the push.
    if connection is None or not connection.session.is_ended_by(close):
        return
    if close.dial_key is None:
        connection.end(ConnectionFailed("they closed"))
    elif connection.channel is None:
        connection.end(AnsweredElsewhere("another device of yours has answered"))
