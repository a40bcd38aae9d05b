"""One WebRTC connection, from the first dial to its end: aiortc, led by a `Dialogue`."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCSessionDescription,
)

from app.protocol.keys import Address
from app.protocol.messages import Answer, Dial, Directed, Ice, Offer
from tests.peer.candidates import take_out
from tests.peer.channel import Channel, within
from tests.peer.dialogue import Candidates, Dialogue
from tests.peer.errors import ConnectionFailed, Dropped, Reason, TimedOut, Trouble
from tests.peer.line import Line
from tests.peer.webrtc import RELEASE_S, close, usable

# Far more than a machine has addresses, far less than a flood.
MAX_CANDIDATES = 64

# A STUN server that does not answer is given up after 5 s.
GATHER_S = 6

# The channel that carries values; a browser opens others, which this peer has no use for.
LABEL = "whisper"

log = logging.getLogger(__name__)


class Connection:
    """A connection of *me* with *them*: `dial` and `offer` wait for the calls that `take` is given."""

    def __init__(self, me: Address, them: Address, since: int, line: Line) -> None:
        loop = asyncio.get_running_loop()
        self.them = them
        self.dialogue = Dialogue(me, them, since)
        self.ended = asyncio.Event()
        self._released = asyncio.Event()
        self._line = line
        self._offer: asyncio.Future[RTCSessionDescription | Dial] = loop.create_future()
        self._answer: asyncio.Future[RTCSessionDescription] = loop.create_future()
        self._opened: asyncio.Future[Channel] = loop.create_future()
        self._candidates: asyncio.Queue[RTCIceCandidate | None] = asyncio.Queue(MAX_CANDIDATES)
        self._gathering: asyncio.Task[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._rtc: RTCPeerConnection | None = None

    @property
    def channel(self) -> Channel | None:
        """The open channel, if it has come so far."""
        return self._opened.result() if _has_come(self._opened) else None

    @property
    def missing(self) -> str:
        """What is still waited for, as a sentence begins."""
        answered = "they answered, but no connection was made"
        return answered if _has_come(self._offer) else "nobody answered"

    async def dial(self) -> Channel:
        """Ring, answer the offer that comes, and return the open channel."""
        self.dialogue.awaited = Offer
        await self._line.relay("dial", self.dialogue.encryption_key)
        offer = await self._offer
        if isinstance(offer, Dial):  # they rang at the same time, and theirs goes first
            return await self.offer()
        rtc = await self._start()
        rtc.on("datachannel", self._use)
        with usable():
            await self._set_theirs(rtc, offer)
            await self._set_ours(rtc, await rtc.createAnswer())
        await self._send_ours(rtc)
        return await self._opened

    async def offer(self) -> Channel:
        """Make an offer to whoever dialled (their dial has been taken), and return the open channel."""
        rtc = await self._start()
        wire = rtc.createDataChannel(LABEL)
        wire.on("open", lambda: self._use(wire))
        with usable():
            await self._set_ours(rtc, await rtc.createOffer())
        self.dialogue.awaited = Answer
        await self._send_ours(rtc)
        answer = await self._answer
        with usable():
            await self._set_theirs(rtc, answer)
        return await self._opened

    def take(self, message: Directed) -> None:
        """Use what the other said. Raise `Dropped` if it is not its turn, or not sealed for us."""
        step = self._answer if isinstance(message, Answer) else self._offer
        if not isinstance(message, Ice) and step.done():  # heard before, or given up
            raise Dropped(Reason.UNEXPECTED)
        match message:
            case Dial():
                self.dialogue.hear_dial(message)
                self._offer.set_result(message)
            case Offer() | Answer():
                description = self.dialogue.hear_description(message)
                step.set_result(description)
                self._keep(self.dialogue.early())
            case Ice():
                self._keep(self.dialogue.hear_ice(message))

    async def hang_up(self) -> None:
        """Tell the other, if they can still be told, and wait until everything is let go."""
        try:
            await self._line.relay("close")
        except Trouble as trouble:
            log.info("close was not relayed: %s", trouble)
        self.end(ConnectionFailed("the connection was closed"))
        with suppress(TimedOut):
            await within(RELEASE_S, self._released.wait(), "WebRTC does not close")

    def end(self, trouble: Trouble) -> None:
        """Note that it is over; whoever waits for a next step gets *trouble*."""
        self.ended.set()
        for step in (self._offer, self._answer, self._opened):
            if not step.done():
                step.set_exception(trouble)
                step.exception()  # it is no mistake if nobody waits

    async def release(self) -> None:
        """Stop everything and close every socket."""
        self.end(ConnectionFailed("the connection was closed"))
        if self._pump is not None:
            self._pump.cancel()
        if self._gathering is not None:
            await asyncio.wait({self._gathering}, timeout=GATHER_S)
        if self._rtc is not None:
            await close(self._rtc)
        self._released.set()

    async def _start(self) -> RTCPeerConnection:
        # Always an explicit list: without one, aiortc asks a public STUN server.
        configuration = RTCConfiguration(iceServers=await self._line.ice_servers())
        if self.ended.is_set():
            raise ConnectionFailed("the connection was closed")
        rtc = RTCPeerConnection(configuration)
        self._rtc = rtc
        rtc.on("connectionstatechange", self._check)
        return rtc

    async def _send_ours(self, rtc: RTCPeerConnection) -> None:
        ours = rtc.localDescription
        sdp, candidates = take_out(ours.sdp) if self._line.trickle else (ours.sdp, [])
        if candidates:
            await self._say("ice", candidates)
        await self._say(ours.type, {"type": ours.type, "sdp": sdp})

    async def _say(self, method: str, value: object) -> None:
        await self._line.relay(method, self.dialogue.encryption_key, self.dialogue.seal(method, value))

    async def _set_ours(self, rtc: RTCPeerConnection, ours: RTCSessionDescription) -> None:
        # Cancelled in the middle, aioice would leave its sockets open: `release` waits for it.
        self._gathering = asyncio.create_task(rtc.setLocalDescription(ours), name="connection: gather")
        await asyncio.shield(self._gathering)

    async def _set_theirs(self, rtc: RTCPeerConnection, theirs: RTCSessionDescription) -> None:
        await rtc.setRemoteDescription(theirs)
        self._pump = asyncio.create_task(self._add_candidates(rtc), name="connection: candidates")

    async def _add_candidates(self, rtc: RTCPeerConnection) -> None:
        while True:
            await rtc.addIceCandidate(await self._candidates.get())

    def _keep(self, candidates: Candidates) -> None:
        for candidate in candidates:
            try:
                self._candidates.put_nowait(candidate)
            except asyncio.QueueFull:
                raise Dropped(Reason.BUSY) from None

    def _use(self, wire: RTCDataChannel) -> None:
        if wire.label != LABEL or self._opened.done():
            return
        channel = Channel(self.them, wire, self.dialogue.agreed(), self.hang_up, self._line.on_broken)
        wire.on("close", self.ended.set)
        self._opened.set_result(channel)

    def _check(self) -> None:
        if self._rtc is not None and self._rtc.connectionState in {"failed", "closed"}:
            self.end(ConnectionFailed("no way to the other was found"))


def _has_come(step: asyncio.Future[Any]) -> bool:
    return step.done() and not step.cancelled() and step.exception() is None
