"""Data channel of one file: sealed values as text, sealed bytes as binary frames."""

import asyncio

from aiortc import InvalidStateError, RTCDataChannel

from whisper_peer.channels.byte_budget import ByteBudget
from whisper_peer.channels.timeouts import wait_for
from whisper_peer.errors import BrokenSeal, OverLimit, TransferCancelled
from whisper_peer.protocol.sealing import Format, Keys, decrypt, encrypt, open_sealed, parse_json, seal

FILE = "file"  # its label, and the additional data of its frames

# Bytes that may wait to be sent before more are read from the file.
MAX_UNSENT_BYTES = 256 * 1024

# How long the other may do nothing while a file is on its way.
STALL_S = 30


class FileChannel:
    """Frames of one file, both ways. What is received waits, counted in *budget*."""

    def __init__(self, data_channel: RTCDataChannel, keys: Keys, budget: ByteBudget) -> None:
        self._data_channel = data_channel
        self._keys = keys
        self._budget = budget
        self._unread: asyncio.Queue[tuple[bool, bytes] | None] = asyncio.Queue()
        self._opened = asyncio.Event()
        self._sent = asyncio.Event()
        self.closed = asyncio.Event()
        data_channel.bufferedAmountLowThreshold = MAX_UNSENT_BYTES
        data_channel.on("open", self._opened.set)
        data_channel.on("bufferedamountlow", self._sent.set)
        data_channel.on("message", self._on_frame)
        data_channel.on("close", self._end)
        if data_channel.readyState == "open":
            self._opened.set()

    async def wait_open(self) -> None:
        """Wait until it can be sent on."""
        await wait_for(STALL_S, self._opened.wait(), "the other takes no files")

    async def put(self, content: object) -> None:
        """Send bytes, or any JSON value. Raise `TransferCancelled` if the other is not there any more."""
        if isinstance(content, bytes):
            frame: bytes | str = encrypt(FILE, Format.LAST, content, self._keys.outgoing)
        else:
            frame = seal(FILE, content, self._keys.outgoing)
        self._sent.clear()
        try:
            self._data_channel.send(frame)
        except InvalidStateError:
            raise TransferCancelled("the other has refused or cancelled it") from None
        if self._data_channel.bufferedAmount > MAX_UNSENT_BYTES:
            await wait_for(STALL_S, self._sent.wait(), "the other has stopped reading")

    async def next(self, seconds: float = STALL_S) -> object:
        """Return the next bytes, or value. Raise `TimedOut`, or `TransferCancelled` at the end."""
        unread = await wait_for(seconds, self._unread.get(), "nothing more of the file came")
        if unread is None:
            self._unread.put_nowait(None)  # for the next call
            raise TransferCancelled("the other has refused or cancelled it")
        is_text, content = unread
        self._budget.release(content)
        return parse_json(content) if is_text else content

    def close(self) -> None:
        """Refuse or cancel it, or tell that all has arrived."""
        self._data_channel.close()
        self._end()

    def _on_frame(self, frame: str | bytes) -> None:
        if self.closed.is_set():
            return
        try:
            key = self._keys.incoming
            is_text = isinstance(frame, str)
            content = (
                open_sealed(FILE, frame, key) if isinstance(frame, str) else decrypt(FILE, frame, key)[1]
            )
            self._budget.charge(content)
            self._unread.put_nowait((is_text, content))
        except (BrokenSeal, OverLimit):
            self.close()

    def _end(self) -> None:
        self.closed.set()
        while not self._unread.empty():
            if unread := self._unread.get_nowait():
                self._budget.release(unread[1])
        self._unread.put_nowait(None)
