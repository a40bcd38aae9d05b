"""Sender of one file, over a data channel of its own."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from aiortc import InvalidStateError, RTCDataChannel

from whisper_peer.channels.fragments import FRAGMENT_BYTES
from whisper_peer.errors import BrokenSeal, FileRefused, TimedOut
from whisper_peer.protocol.sealing import Format, Keys, encrypt, seal, unseal

LABEL = METHOD = "file"

# Bytes that may wait to be sent, and how long the other may take to read some of them.
MAX_UNSENT_BYTES = 256 * 1024
STALL_S = 30

MAX_ANSWERS = 8


class FileSender:
    """Sender of a file over *data_channel*, which nothing else uses."""

    def __init__(self, data_channel: RTCDataChannel, keys: Keys) -> None:
        self._data_channel = data_channel
        self._keys = keys
        self._answers: asyncio.Queue[object] = asyncio.Queue(MAX_ANSWERS)
        self._changed = asyncio.Event()
        data_channel.bufferedAmountLowThreshold = MAX_UNSENT_BYTES
        for event in ("open", "close", "bufferedamountlow"):
            data_channel.on(event, self._changed.set)
        data_channel.on("close", lambda: self._add(None))
        data_channel.on("message", self._on_frame)

    async def send(self, file: Path, decide_s: float) -> None:
        """Offer *file*, wait *decide_s* seconds until it is accepted, and send it until all has arrived.

        Raise `FileRefused`, or `TimedOut`.
        """
        offer = _describe(file)
        size = offer["size"]
        try:
            await self._wait_while(lambda: self._data_channel.readyState == "connecting", "no channel opens")
            self._say(seal(METHOD, offer, self._keys.outgoing))
            await self._hear("accepted", expected=True, seconds=decide_s)
            for chunk in _chunks(file, size):
                self._say(encrypt(METHOD, Format.LAST, chunk, self._keys.outgoing))
                await self._wait_while(
                    lambda: self._data_channel.bufferedAmount > MAX_UNSENT_BYTES, "the other reads no more"
                )
            await self._hear("received", expected=size, seconds=STALL_S)
        finally:
            self._data_channel.close()

    async def _hear(self, name: str, *, expected: object, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                answer = await self._answers.get()
        except TimeoutError:
            raise TimedOut(f"the file was not {name} within {seconds:g} s") from None
        if not isinstance(answer, dict) or answer.get(name) != expected:
            raise FileRefused(f"the file was not {name}")

    async def _wait_while(self, is_waiting: Callable[[], bool], reason: str) -> None:
        try:
            async with asyncio.timeout(STALL_S):
                while is_waiting():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimedOut(reason) from None

    def _say(self, frame: str | bytes) -> None:
        try:
            self._data_channel.send(frame)
        except InvalidStateError:
            raise FileRefused("the other has closed the channel of the file") from None

    def _on_frame(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            with suppress(BrokenSeal):
                self._add(unseal(METHOD, frame, self._keys.incoming))

    def _add(self, answer: object) -> None:
        with suppress(asyncio.QueueFull):  # two are expected
            self._answers.put_nowait(answer)


def _describe(file: Path) -> dict[str, Any]:
    kind = guess_type(file.name)[0] or "application/octet-stream"
    return {"name": file.name, "type": kind, "size": file.stat().st_size}


def _chunks(file: Path, size: int) -> Iterator[bytes]:
    """Yield the *size* bytes that were offered, whatever becomes of the file meanwhile."""
    with file.open("rb") as opened:
        while size > 0 and (chunk := opened.read(min(FRAGMENT_BYTES, size))):
            size -= len(chunk)
            yield chunk
