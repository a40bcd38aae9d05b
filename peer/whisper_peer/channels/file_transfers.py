"""File transfers of one connection, each over a data channel of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import chain, count, islice
from mimetypes import guess_type
from pathlib import Path
from typing import BinaryIO

from aiortc import RTCDataChannel

from whisper_peer.channels.byte_budget import ByteBudget
from whisper_peer.channels.file_channel import FILE, FileChannel
from whisper_peer.errors import ChannelClosed, PeerError, TransferCancelled
from whisper_peer.protocol.sealing import Keys

PART_BYTES = 60_000  # of the file, in one frame
MAX_OFFERED = 8  # files of the other, waiting and on their way; a further one is refused
MAX_NAME = 255
MAX_SAME = 1000  # files of one name in a folder

# Of a name on disk, in UTF-8: together with a number below the 255 of most file systems.
MAX_STEM_BYTES = 200
MAX_SUFFIX_BYTES = 40

# How long the other may think about an offer.
ACCEPT_S = 60


class OfferedFile:
    """File that the other offers. Its name and type are their words, cut to 255 characters."""

    def __init__(self, channel: FileChannel, name: str, media_type: str, size: int) -> None:
        self._channel = channel
        self.name = name
        self.media_type = media_type
        self.size = size

    async def save(self, path: Path) -> None:
        """Accept it, and write it to *path*, where nothing may be yet.

        Raise `TransferCancelled` or `TimedOut` if it does not come whole; then nothing is left at *path*.
        """
        with _create(path) as file:
            try:
                await self._channel.put({"accepted": True})
                await self._receive(file)
                await self._channel.put({"received": self.size})
            except BaseException:
                self._channel.close()
                _remove(path)
                raise

    def refuse(self) -> None:
        """Tell the other that it is not wanted."""
        self._channel.close()

    async def _receive(self, file: BinaryIO) -> None:
        left = self.size
        while left:
            part = await self._channel.next()
            if not isinstance(part, bytes) or not 0 < len(part) <= left:
                raise TransferCancelled("the other sends something else than it has offered")
            file.write(part)
            left -= len(part)


class Files:
    """Files of one connection: `send` offers one, `async for` yields those that the other offers."""

    def __init__(self, open_channel: Callable[[str], RTCDataChannel], keys: Keys, budget: ByteBudget) -> None:
        self._open_channel = open_channel
        self.keys = keys
        self.budget = budget
        self._offers: asyncio.Queue[FileChannel | None] = asyncio.Queue()
        self._open: set[FileChannel] = set()

    async def send(self, path: Path, timeout: float = ACCEPT_S) -> None:
        """Offer the file at *path*, and send it; return when all of it has arrived.

        Raise `TransferCancelled` if the other does not want it, `TimedOut` if nobody says so for *timeout*
        seconds or it does not go on, `OSError` if it can't be read.
        """
        size, media_type = _size(path), guess_type(path.name)[0] or ""
        channel = FileChannel(self._open_channel(FILE), self.keys, self.budget)
        try:
            await channel.wait_open()
            await channel.put({"name": path.name, "type": media_type, "size": size})
            while await channel.next(timeout) != {"accepted": True}:
                pass
            with _read(path) as file:
                for at in range(0, size, PART_BYTES):
                    await channel.put(_take(file, min(PART_BYTES, size - at)))
            while await channel.next() != {"received": size}:
                pass
        finally:
            channel.close()

    async def next(self) -> OfferedFile:
        """Return the next file that the other offers. Raise `ChannelClosed` at the end."""
        while (channel := await self._offers.get()) is not None:
            with suppress(PeerError):  # it was withdrawn
                match await channel.next():
                    case {"name": str(name), "type": str(media_type), "size": int(size)} if size >= 0:
                        return OfferedFile(channel, name[:MAX_NAME], media_type[:MAX_NAME], size)
            channel.close()
        self._offers.put_nowait(None)  # for the next call
        raise ChannelClosed("the channel is closed")

    async def __aiter__(self) -> AsyncIterator[OfferedFile]:
        with suppress(ChannelClosed):
            while True:
                yield await self.next()

    def add(self, data_channel: RTCDataChannel) -> bool:
        """Take a channel that the other has opened; tell if it is one of a file, and there is room for it."""
        if data_channel.label != FILE or len(self._open) >= MAX_OFFERED:
            return False
        channel = FileChannel(data_channel, self.keys, self.budget)
        self._open.add(channel)
        data_channel.on("close", lambda: self._open.discard(channel))
        self._offers.put_nowait(channel)
        return True

    def end(self) -> None:
        """Note that the connection is over."""
        self._offers.put_nowait(None)


def unused_path(folder: Path, name: str) -> Path:
    """Return a path in *folder* where nothing is yet, for a *name* of the other's choice.

    Raise `FileExistsError` if there are too many of that name.
    """
    plain = "".join(sign for sign in Path(name).name if sign.isprintable() and sign not in '\\:*?"<>|')
    safe = Path(plain.strip(". ") or "file")
    stem, suffix = _cut(safe.stem, MAX_STEM_BYTES), _cut(safe.suffix, MAX_SUFFIX_BYTES)
    names = chain([stem + suffix], (f"{stem} {number}{suffix}" for number in count(2)))
    paths = (folder / each for each in islice(names, MAX_SAME))
    if (path := next((path for path in paths if not path.exists()), None)) is None:
        raise FileExistsError(f"there are {MAX_SAME} files named {stem}{suffix}")
    return path


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def _size(path: Path) -> int:
    return path.stat().st_size


def _remove(path: Path) -> None:
    path.unlink()


def _create(path: Path) -> BinaryIO:
    return path.open("xb")


def _read(path: Path) -> BinaryIO:
    return path.open("rb")


def _take(file: BinaryIO, size: int) -> bytes:
    content = file.read(size)
    if len(content) != size:
        raise TransferCancelled("the file has become shorter")
    return content
