"""What two connected people hold: sealed JSON values, both ways, until one of them closes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from aiortc import InvalidStateError, RTCDataChannel

from app.protocol.keys import Address
from tests.peer.errors import BrokenSeal, ChannelClosed, TimedOut
from tests.peer.parts import MAX_VALUE_BYTES, MAX_WHOLE_BYTES, Joining, TooLarge, in_parts
from tests.peer.sealing import Keys, seal, to_json, unseal

METHOD = "message"

# Bytes that may wait to be sent before `send` waits as well.
MAX_UNSENT_BYTES = 256 * 1024

# Values that may wait to be received; the data channel itself has no brake for a reader who sleeps.
MAX_UNREAD = 4096

# How long the other may take to confirm what was sent, when we close or when too much is under way.
DELIVERY_S = 5

T = TypeVar("T")
_END = object()


class Channel:
    """One data channel with *address*. `async for value in channel` ends when either side closes."""

    def __init__(
        self,
        address: Address,
        wire: RTCDataChannel,
        keys: Keys,
        hang_up: Callable[[], Awaitable[None]],
        on_broken: Callable[[], None],
    ) -> None:
        self.address = address
        self.wire = wire
        self.keys = keys
        self._hang_up = hang_up
        self._on_broken = on_broken
        self._unread: asyncio.Queue[object] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._sent = asyncio.Event()
        self._sending = asyncio.Lock()
        self._joining = Joining(METHOD, keys.incoming)
        wire.bufferedAmountLowThreshold = MAX_UNSENT_BYTES
        wire.on("bufferedamountlow", self._sent.set)
        wire.on("message", self._take)
        wire.on("close", self.end)

    @property
    def closed(self) -> bool:
        """Whether it is over; what came before can still be received."""
        return self._ended.is_set()

    async def send(self, value: object) -> None:
        """Seal a JSON value of at most 16 MiB and send it, in parts when it is too large for one frame.

        Raise `ValueError` if it is no JSON or too large, `ChannelClosed` if nobody is there any more.
        """
        plain = to_json(value)
        if len(plain) > MAX_VALUE_BYTES:
            raise ValueError(f"{len(plain)} bytes of JSON are too many, {MAX_VALUE_BYTES} can be sent")
        async with self._sending:  # the parts of two values must not mix
            if len(plain) <= MAX_WHOLE_BYTES:
                await self._put(seal(METHOD, value, self.keys.outgoing))
            else:
                for part in in_parts(METHOD, plain, self.keys.outgoing):
                    await self._put(part)

    async def _put(self, frame: str | bytes) -> None:
        self._sent.clear()
        try:
            self.wire.send(frame)
        except InvalidStateError:
            raise ChannelClosed("the channel is closed") from None
        if self.wire.bufferedAmount > MAX_UNSENT_BYTES:
            await within(DELIVERY_S, self._sent.wait(), "the other has stopped reading")

    def receive(self, timeout: float = 10) -> Coroutine[Any, Any, object]:
        """Wait *timeout* seconds for the next value. Raise `TimedOut`, or `ChannelClosed` after the last."""
        return within(timeout, self._next(), f"nothing was received within {timeout:g} s")

    async def __aiter__(self) -> AsyncIterator[object]:
        with suppress(ChannelClosed):
            while True:
                yield await self._next()

    async def close(self) -> None:
        """Let what was sent arrive, tell the other that it is over, and close the connection."""
        if self.closed:
            return
        self.wire.close()  # a stream reset, which comes after every message (RFC 8831, section 6.7)
        with suppress(TimedOut):
            await within(DELIVERY_S, self._ended.wait(), "the other does not confirm")
        await self._hang_up()

    def end(self) -> None:
        """Note that it is over."""
        if not self.closed:
            self._ended.set()
            self._unread.put_nowait(_END)

    async def _next(self) -> object:
        value = await self._unread.get()
        if value is _END:
            self._unread.put_nowait(_END)  # for whoever asks next
            raise ChannelClosed("the channel is closed")
        return value

    def _take(self, frame: str | bytes) -> None:
        if self._unread.qsize() >= MAX_UNREAD:
            self.wire.close()
            return
        try:
            for value in self._open(frame):
                self._unread.put_nowait(value)
        except BrokenSeal:
            self._on_broken()
        except TooLarge:
            self.wire.close()

    def _open(self, frame: str | bytes) -> list[object]:
        if isinstance(frame, bytes):
            return self._joining.take(frame)
        return [unseal(METHOD, frame, self.keys.incoming)]


async def within(seconds: float, wait: Coroutine[Any, Any, T], reason: str) -> T:
    """Return what *wait* returns. Raise `TimedOut` with *reason* if that takes more than *seconds*."""
    try:
        async with asyncio.timeout(seconds):
            return await wait
    except TimeoutError:
        raise TimedOut(reason) from None
