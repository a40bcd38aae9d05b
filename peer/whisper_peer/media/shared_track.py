"""Track of one sender whose source can be changed: aiortc's sender stops for good when its track ends."""

import asyncio
from typing import TYPE_CHECKING, Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

if TYPE_CHECKING:  # only a type checker can subscript it
    from av.frame import Frame
    from av.packet import Packet


class SharedTrack(MediaStreamTrack):
    """Frames of the source of the moment, on one time line; nothing while there is none."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._source: MediaStreamTrack | None = None
        self._has_source = asyncio.Event()
        self._start = asyncio.get_running_loop().time()
        self._offset: int | None = None

    def use(self, source: MediaStreamTrack) -> None:
        """Go on with *source*."""
        self._source, self._offset = source, None
        self._has_source.set()

    def release(self, source: MediaStreamTrack) -> None:
        """Be silent, if *source* is the one that is used."""
        if self._source is source:
            self._source = None
            self._has_source.clear()

    async def recv(self) -> "Frame | Packet[Any]":
        """Return the next frame, when there is one."""
        while True:
            await self._has_source.wait()
            if (source := self._source) is None:
                continue
            try:
                frame = await source.recv()
            except MediaStreamError:
                self.release(source)
            else:
                return self._place(frame)

    def _place(self, frame: "Frame | Packet[Any]") -> "Frame | Packet[Any]":
        """Move *frame* of a source that began later to where it belongs: time never goes back."""
        if frame.pts is not None and frame.time_base is not None:
            if self._offset is None:
                elapsed = asyncio.get_running_loop().time() - self._start
                self._offset = int(elapsed / frame.time_base) - frame.pts
            frame.pts += self._offset
        return frame
