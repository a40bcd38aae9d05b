"""Data channel with another peer: sealed JSON values, both ways, until one side closes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from aiortc import InvalidStateError, RTCDataChannel

from whisper_peer.channels.file_transfers import Files
from whisper_peer.channels.fragments import MAX_FRAME_BYTES, MAX_VALUE_BYTES, Reassembler, fragment
from whisper_peer.channels.timeouts import wait_for
from whisper_peer.errors import BrokenSeal, ChannelClosed, OverLimit, TimedOut
from whisper_peer.media.media import Media
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.sealing import open_sealed, parse_json, seal, to_json

METHOD = "message"

# Bytes that may wait to be sent before `send` waits as well.
MAX_UNSENT_BYTES = 256 * 1024

# How long the other may take to confirm what was sent, when we close or when too much is under way.
DELIVERY_S = 5


class Channel:
    """Data channel with *address*. `async for value in channel` ends when either side closes.

    What is received waits as JSON text, counted in *budget*: parsed, it can take many times the memory.
    """

    def __init__(
        self,
        address: Address,
        data_channel: RTCDataChannel,
        files: Files,
        media: Media,
        hang_up: Callable[[], Awaitable[None]],
        on_fault: Callable[[BrokenSeal | OverLimit], None],
    ) -> None:
        self.address = address
        self.data_channel = data_channel
        self.files = files
        self.media = media
        self.keys = keys = files.keys
        self.budget = files.budget
        self._hang_up = hang_up
        self._on_fault = on_fault
        self._unread: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._reason = "the channel is closed"
        self._sent = asyncio.Event()
        self._sending = asyncio.Lock()
        self._reassembler = Reassembler(METHOD, keys.incoming, files.budget)
        data_channel.bufferedAmountLowThreshold = MAX_UNSENT_BYTES
        data_channel.on("bufferedamountlow", self._sent.set)
        data_channel.on("message", self._on_frame)
        data_channel.on("close", self.end)

    @property
    def closed(self) -> bool:
        """Whether it is over; what came before can still be received."""
        return self._ended.is_set()

    async def send(self, value: object) -> None:
        """Seal a JSON value of at most 16 MiB and send it, in fragments when it is too large for one frame.

        Raise `ValueError` if it is no JSON or too large, `ChannelClosed` if nobody is there any more.
        """
        plain = to_json(value)
        if len(plain) > MAX_VALUE_BYTES:
            raise ValueError(f"{len(plain)} bytes of JSON are too many, {MAX_VALUE_BYTES} can be sent")
        async with self._sending:  # the fragments of two values must not mix
            await self.media.control.count_sent()
            if len(plain) <= MAX_FRAME_BYTES:
                await self._send_frame(seal(METHOD, value, self.keys.outgoing))
            else:
                for frame in fragment(METHOD, plain, self.keys.outgoing):
                    await self._send_frame(frame)

    def receive(self, timeout: float = 10) -> Coroutine[Any, Any, object]:
        """Wait *timeout* seconds for the next value. Raise `TimedOut`, or `ChannelClosed` after the last."""
        return wait_for(timeout, self._next(), f"nothing was received within {timeout:g} s")

    async def __aiter__(self) -> AsyncIterator[object]:
        with suppress(ChannelClosed):
            while True:
                yield await self._next()

    async def close(self) -> None:
        """Let what was sent arrive, tell the other that it is over, and close the connection."""
        if self.closed:
            return
        self.data_channel.close()  # a stream reset, which comes after every message (RFC 8831, section 6.7)
        with suppress(TimedOut):
            await wait_for(DELIVERY_S, self._ended.wait(), "the other does not confirm")
        await self._hang_up()

    def end(self) -> None:
        """Note that it is over."""
        if not self.closed:
            self._ended.set()
            self._unread.put_nowait(None)
            self.files.end()
            self.media.end()

    def fail(self, reason: str) -> None:
        """End at once for *reason*; what nobody has read is forgotten."""
        self._reason = reason
        self._ended.set()
        while not self._unread.empty():
            self._unread.get_nowait()
        self._unread.put_nowait(None)
        self.files.end()
        self.media.end()

    async def _send_frame(self, frame: str | bytes) -> None:
        self._sent.clear()
        try:
            self.data_channel.send(frame)
        except InvalidStateError:
            raise ChannelClosed(self._reason) from None
        if self.data_channel.bufferedAmount > MAX_UNSENT_BYTES:
            await wait_for(DELIVERY_S, self._sent.wait(), "the other has stopped reading")

    async def _next(self) -> object:
        while True:
            plain = await self._unread.get()
            if plain is None:
                self._unread.put_nowait(None)  # for the next call
                raise ChannelClosed(self._reason)
            self.budget.release(plain)
            try:
                return parse_json(plain)
            except BrokenSeal as broken:
                self._on_fault(broken)

    def _on_frame(self, frame: str | bytes) -> None:
        if self.closed:
            return
        try:
            plain = self._open(frame)
            if plain is not None:
                self.budget.charge(plain)
                self._unread.put_nowait(plain)
                self.media.control.count_received()
        except (BrokenSeal, OverLimit) as fault:
            self._on_fault(fault)

    def _open(self, frame: str | bytes) -> bytes | None:
        if isinstance(frame, bytes):
            return self._reassembler.add(frame)
        return open_sealed(METHOD, frame, self.keys.incoming)
