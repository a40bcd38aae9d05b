"""Files of a call at a terminal: received files are saved, audio and video are played and recorded."""

import asyncio
import errno
import os
import shutil
import sys
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from whisper_peer.channels.channel import Channel
from whisper_peer.channels.file_transfers import OfferedFile, unused_path
from whisper_peer.errors import PeerError

# Whoever calls may send, as often as they like: so much of the disk stays free.
MIN_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CallFiles:
    """Folder where files are saved, file that is played to the other, and file where theirs is recorded."""

    save: Path | None = None
    play: Path | None = None
    record: Path | None = None

    async def exchange(self, channel: Channel) -> None:
        """Do all of it until the channel closes; what goes wrong is told on standard error."""
        works: list[Coroutine[None, None, object]] = [self._save(channel)]
        if self.play is not None:
            works.append(_tell("nothing was played", channel.media.play(self.play)))
        if self.record is not None:
            works.append(_tell("nothing was recorded", _record(channel, self.record)))
        await asyncio.gather(*works)

    async def _save(self, channel: Channel) -> None:
        """Save what is offered under a name that is free; refuse all without a folder."""
        async for file in channel.files:
            if self.save is None or not await _tell("a file was not saved", _save(file, self.save)):
                file.refuse()


async def _save(file: OfferedFile, folder: Path) -> None:
    _require_room(folder, file.size)
    path = unused_path(folder, file.name)
    await file.save(path)
    write_line(f"saved {path} ({file.size} bytes)")


async def _record(channel: Channel, wanted: Path) -> None:
    _require_room(wanted.parent)
    path = unused_path(wanted.parent, wanted.name)
    await channel.media.record(path)
    if path.is_file():  # they have shared something
        write_line(f"recorded {path}")


def _require_room(folder: Path, size: int = 0) -> None:
    """Raise `OSError` if a file of so many bytes would leave too little of the disk free."""
    if shutil.disk_usage(folder).free - size < MIN_FREE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


async def _tell(trouble: str, work: Awaitable[None]) -> bool:
    try:
        await work
    except (PeerError, OSError, ValueError) as fault:
        write_line(f"{trouble}: {fault}", sys.stderr)
        return False
    return True


def write_line(line: str, stream: TextIO = sys.stdout) -> None:
    """Write *line*, and keep nobody waiting for it."""
    stream.write(line + "\n")
    stream.flush()
