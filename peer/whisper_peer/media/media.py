"""Audio and video of one connection, both ways, by aiortc's tracks, players and recorders."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRecorder, MediaRelay
from aiortc.mediastreams import MediaStreamError

from whisper_peer.channels.control_channel import ControlChannel
from whisper_peer.channels.timeouts import wait_for
from whisper_peer.errors import ChannelClosed, PeerError
from whisper_peer.media.negotiation import Negotiation
from whisper_peer.media.shared_track import SharedTrack

# How long a program that negotiates media may take to say so.
GREETING_S = 3

_AUDIO_FILES = {".aac", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav"}

log = logging.getLogger(__name__)


class Media:
    """Media of one connection: `send` and `play` share ours, `async for` yields the tracks of theirs.

    What they share is decoded and thrown away until somebody reads or records it.
    """

    def __init__(self, rtc: RTCPeerConnection, control: ControlChannel, *, gives_way: bool) -> None:
        self.control = control
        self._rtc = rtc
        self._negotiation = Negotiation(rtc, control.send, gives_way=gives_way)
        self._ours: dict[str, SharedTrack] = {}
        self._playing: set[MediaStreamTrack] = set()
        self._theirs: list[MediaStreamTrack] = []
        self._relay = MediaRelay()
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        rtc.on("track", self._on_track)

    async def send(self, track: MediaStreamTrack, timeout: float = GREETING_S) -> None:
        """Share *track* instead of what was shared of its kind, until it ends.

        Raise `TimedOut` if the other's program has not said within *timeout* seconds that it takes any,
        `ChannelClosed` if it is not there any more.
        """
        await wait_for(timeout, self.control.greeted.wait(), "the other takes no audio or video")
        if self._ended.is_set():
            raise ChannelClosed("the channel is closed")
        is_new = track.kind not in self._ours
        shared = self._ours.setdefault(track.kind, SharedTrack(track.kind))
        shared.use(track)
        if is_new:
            await self._add(shared)

    async def play(self, file: Path | BinaryIO, *, loop: bool = False) -> None:
        """Share the sound and picture of a file; return at its end, or that of the connection.

        Raise what `send` raises, and `OSError` or `ValueError` if the file can't be read.
        """
        player = MediaPlayer(str(file) if isinstance(file, Path) else file, loop=loop)
        tracks = [track for track in (player.audio, player.video) if track is not None]
        ends = [_end_of(track) for track in tracks]
        self._playing.update(tracks)
        try:
            for track in tracks:
                await self.send(track)
            await asyncio.gather(*[end.wait() for end in ends])
        finally:
            for track in tracks:
                self._playing.discard(track)
                track.stop()

    async def record(self, path: Path) -> None:
        """Write what they share to *path*, whose name tells the format, until the connection ends.

        It begins with the first track of theirs, and has those that come with it; without one, nothing is
        written. Raise `OSError` or `ValueError` if it can't be written.
        """
        kinds = {"audio"} if path.suffix.lower() in _AUDIO_FILES else {"audio", "video"}
        async for first in self:
            if first.kind in kinds:
                recorder = MediaRecorder(str(path))
                for track in self._theirs:
                    if track.kind in kinds:
                        recorder.addTrack(self._relay.subscribe(track))
                try:
                    await recorder.start()
                    await self._ended.wait()
                finally:
                    await recorder.stop()

    async def __aiter__(self) -> AsyncIterator[MediaStreamTrack]:
        taken = 0
        while not self._ended.is_set():
            if taken < len(self._theirs):
                yield self._relay.subscribe(self._theirs[taken])
                taken += 1
            else:
                await self._changed.wait()

    async def negotiate(self, on_candidates: Callable[[object], None]) -> None:
        """Do what the other's program asks for over the control channel."""
        async for value in self.control:
            try:
                match value:
                    case {"description": {"type": "offer" | "answer" as kind, "sdp": str(sdp)}}:
                        await self._negotiation.apply(RTCSessionDescription(sdp, kind))
                    case {"candidates": candidates}:
                        on_candidates(candidates)
            except PeerError as fault:
                log.info("media were not negotiated: %s", fault)

    def end(self) -> None:
        """Note that the connection is over."""
        self._ended.set()
        self._notify()
        for task in self._tasks:
            task.cancel()
        for track in list(self._playing):
            track.stop()

    async def _add(self, shared: SharedTrack) -> None:
        for transceiver in self._rtc.getTransceivers():
            if transceiver.kind == shared.kind:  # they share something of the kind
                transceiver.sender.replaceTrack(shared)
                return
        self._rtc.addTransceiver(shared)
        await self._negotiation.offer()

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._theirs.append(track)
        self._tasks.append(asyncio.create_task(_drain(self._relay.subscribe(track, buffered=False))))
        self._notify()

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


async def _drain(track: MediaStreamTrack) -> None:
    """Read what nobody else may read: aiortc keeps every frame until somebody does."""
    with suppress(MediaStreamError):
        while True:
            await track.recv()


def _end_of(track: MediaStreamTrack) -> asyncio.Event:
    ended = asyncio.Event()
    track.on("ended", ended.set)
    return ended
