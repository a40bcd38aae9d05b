"""Who is connected with whom: every believed call goes to the one connection that it belongs to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from app.protocol.keys import Address
from app.protocol.messages import Close, Dial, Directed
from tests.peer.channel import Channel, within
from tests.peer.connection import Connection
from tests.peer.errors import AlreadyConnected, ConnectionFailed, Dropped, Reason, TimedOut, Trouble
from tests.peer.line import Line

# How long one who is dialled waits for the caller's answer, and for WebRTC.
CONNECT_S = 30

# Connections at once, those that wait to be accepted included.
MAX_CONNECTIONS = 64

log = logging.getLogger(__name__)


class Switchboard:
    """The connections of *me*; *line_to* gives what a connection with an address needs."""

    def __init__(self, me: Address, line_to: Callable[[Address], Line], *, accept: bool) -> None:
        self._me = me
        self._line_to = line_to
        self._accepts = accept
        self._connections: dict[Address, Connection] = {}
        self._incoming: asyncio.Queue[Channel | Trouble] = asyncio.Queue()
        self._lives: set[asyncio.Task[Trouble | None]] = set()
        self._releases: set[asyncio.Task[None]] = set()

    async def dial(self, address: Address, now: int, seconds: float) -> Channel:
        """Dial *address* and return the open channel; *now* is the server's time in ms."""
        existing = self._connections.get(address)
        if existing is not None and not existing.ended.is_set():
            raise AlreadyConnected(f"already connected, or connecting, with {address.text}")
        connection = self._connect(address, now)
        opened: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
        life = self._begin(connection, partial(_ring, connection, seconds), opened.set_result)
        try:
            waited: set[asyncio.Future[Any]] = {life, opened}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            life.cancel()
            await asyncio.wait({life})
            raise
        if opened.done():
            return opened.result()
        ended = ConnectionFailed("the connection was closed")
        raise ended if life.cancelled() else life.result() or ended

    async def next_incoming(self) -> Channel:
        """Return the next channel that somebody else dialled."""
        incoming = await self._incoming.get()
        if isinstance(incoming, Trouble):
            self._incoming.put_nowait(incoming)  # for whoever asks next
            raise incoming
        return incoming

    def take(self, message: Directed) -> None:
        """Act on a believed call. Raise `Dropped` with the reason if there is nothing to be done with it."""
        connection = self._connections.get(message.sender)
        match message:
            case Dial() if connection is None or connection.dialogue.is_replaced_by(message):
                self._answer(message, connection)
            case Close():
                _end(connection, message)
            case _ if connection is None:
                raise Dropped(Reason.UNEXPECTED)
            case _:
                connection.take(message)

    def lose(self, trouble: Trouble) -> None:
        """Give up whatever waits for a push: none will come any more. Open channels stay."""
        for connection in self._connections.values():
            if connection.channel is None:
                connection.end(trouble)
        self._incoming.put_nowait(trouble)

    async def close(self) -> None:
        """Close every channel politely, and end everything else. Raise what went wrong unseen."""
        channels = [connection.channel for connection in self._connections.values()]
        await asyncio.gather(*[channel.close() for channel in channels if channel is not None])
        for life in self._lives:
            life.cancel()
        outcomes = await asyncio.gather(*self._lives, return_exceptions=True)
        for connection in list(self._connections.values()):
            self._release(connection)  # its life ended before it began
        outcomes += await asyncio.gather(*self._releases, return_exceptions=True)
        for mistake in outcomes:
            if isinstance(mistake, Exception) and not isinstance(mistake, Trouble):
                raise mistake

    def _answer(self, dial: Dial, replaced: Connection | None) -> None:
        if not self._accepts:
            raise Dropped(Reason.NOT_ACCEPTING)
        if len(self._connections) + self._incoming.qsize() >= MAX_CONNECTIONS:
            raise Dropped(Reason.BUSY)
        if replaced is not None:
            replaced.end(ConnectionFailed("they dialled anew"))
        connection = self._connect(dial.sender, dial.sent_at)
        connection.take(dial)
        self._begin(connection, partial(_offer, connection), self._incoming.put_nowait)

    def _connect(self, them: Address, since: int) -> Connection:
        connection = Connection(self._me, them, since, self._line_to(them))
        self._connections[them] = connection
        return connection

    def _begin(
        self,
        connection: Connection,
        connect: Callable[[], Awaitable[Channel]],
        use: Callable[[Channel], None],
    ) -> asyncio.Task[Trouble | None]:
        life = asyncio.create_task(self._live(connection, connect, use), name="switchboard: a connection")
        self._lives.add(life)
        life.add_done_callback(self._forget)
        return life

    async def _live(
        self,
        connection: Connection,
        connect: Callable[[], Awaitable[Channel]],
        use: Callable[[Channel], None],
    ) -> Trouble | None:
        """Connect, give the channel to *use*, and let go when it ends. Return what prevented it."""
        try:
            use(await connect())
            await connection.ended.wait()
        except Trouble as trouble:
            log.info("no connection with %r: %s", connection.them, trouble)
            return trouble
        finally:
            self._release(connection)
        return None

    def _release(self, connection: Connection) -> None:
        """Take *connection* from the board, and free what it holds in a task that nobody cancels."""
        if self._connections.get(connection.them) is connection:
            del self._connections[connection.them]
        release = asyncio.create_task(connection.release(), name="switchboard: release")
        self._releases.add(release)
        release.add_done_callback(self._releases.discard)

    def _forget(self, life: asyncio.Task[Trouble | None]) -> None:
        if life.cancelled() or life.exception() is None:  # a mistake is kept until the end, and raised there
            self._lives.discard(life)


async def _ring(connection: Connection, seconds: float) -> Channel:
    try:
        async with asyncio.timeout(seconds):
            return await connection.dial()
    except TimeoutError:
        raise TimedOut(f"{connection.missing} within {seconds:g} s") from None


async def _offer(connection: Connection) -> Channel:
    return await within(CONNECT_S, connection.offer(), "the caller did not answer our offer")


def _end(connection: Connection | None, close: Close) -> None:
    # Without a connection there is nothing to do: WebRTC is often faster than the push.
    if connection is not None and connection.dialogue.is_ended_by(close):
        connection.end(ConnectionFailed("they closed"))
