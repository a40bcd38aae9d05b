"""WebRTC connection from the first dial to its end: aiortc, driven by a `SignalingSession`."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)

from whisper_peer.aiortc_adapter import RELEASE_S, close, translate_errors
from whisper_peer.candidates import CandidateQueue, parse_candidates, split_candidates
from whisper_peer.channels.byte_budget import ByteBudget
from whisper_peer.channels.channel import Channel
from whisper_peer.channels.channel_registry import CONTROL, LABEL, ChannelRegistry
from whisper_peer.channels.control_channel import ControlChannel
from whisper_peer.channels.file_transfers import Files
from whisper_peer.channels.reassembly_limit import watch_reassembly
from whisper_peer.channels.timeouts import wait_for
from whisper_peer.errors import BrokenSeal, ConnectionFailed, Dropped, OverLimit, PeerError, Reason, TimedOut
from whisper_peer.media.media import Media
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.messages import Answer, Dial, Ice, Message, Offer
from whisper_peer.signaling_session import SignalingSession
from whisper_peer.signaling_transport import SignalingTransport

# A STUN server that does not answer is given up after 5 s.
GATHER_S = 6

log = logging.getLogger(__name__)


class Connection:
    """Connection of *me* with *them*: `dial` and `offer` wait for calls, which `on_message` receives."""

    def __init__(self, me: Address, them: Address, since: int, line: SignalingTransport) -> None:
        loop = asyncio.get_running_loop()
        self.them = them
        self.session = SignalingSession(me, them, since)
        self.ended = asyncio.Event()
        self._released = asyncio.Event()
        self._transport = line
        self._offer: asyncio.Future[RTCSessionDescription | Dial] = loop.create_future()
        self._answer: asyncio.Future[RTCSessionDescription] = loop.create_future()
        self._opened: asyncio.Future[Channel] = loop.create_future()
        self._candidates = CandidateQueue()
        self._gathering: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._rtc: RTCPeerConnection | None = None
        self._media: Media | None = None
        self._budget = ByteBudget()
        self._channels = ChannelRegistry()
        self._over: OverLimit | None = None

    @property
    def channel(self) -> Channel | None:
        """The open channel, if it has come so far."""
        return self._opened.result() if _is_successful(self._opened) else None

    @property
    def missing(self) -> str:
        """The step that is still waited for, as a sentence begins."""
        answered = "they answered, but no connection was made"
        return answered if _is_successful(self._offer) else "nobody answered"

    async def dial(self) -> Channel:
        """Ring, answer the offer that comes, and return the open channel."""
        self.session.expected, self.session.dials = Offer, True
        await self._transport.relay("dial", self.session.encryption_key)
        offer = await self._offer
        if isinstance(offer, Dial):  # they rang at the same time, and theirs goes first
            return await self.offer()
        rtc = await self._start()
        with translate_errors():
            await self._set_theirs(rtc, offer)
            await self._set_ours(rtc, await rtc.createAnswer())
        await self._send_ours(rtc)
        return await self._opened

    async def offer(self) -> Channel:
        """Make an offer to the caller, whose dial has been received, and return the open channel."""
        rtc = await self._start()
        data_channel = rtc.createDataChannel(LABEL)
        self._channels.add(LABEL)
        data_channel.on("open", lambda: self._open(data_channel))
        with translate_errors():
            await self._set_ours(rtc, await rtc.createOffer())
        self.session.expected = Answer
        await self._send_ours(rtc)
        answer = await self._answer
        with translate_errors():
            await self._set_theirs(rtc, answer)
        return await self._opened

    def on_message(self, message: Message) -> None:
        """Use what the other said. Raise `Dropped` if it is not its turn, or not sealed for us."""
        step = self._answer if isinstance(message, Answer) else self._offer
        if not isinstance(message, Ice) and step.done():  # heard before, or given up
            raise Dropped(Reason.UNEXPECTED)
        match message:
            case Dial():
                self.session.on_dial(message)
                self._offer.set_result(message)
            case Offer() | Answer():
                description = self.session.on_description(message)
                step.set_result(description)
                self._candidates.put(self.session.pop_early_candidates())
            case Ice():
                self._candidates.put(self.session.on_ice(message))

    async def hang_up(self) -> None:
        """Tell the other, if they can still be told, and wait until everything is let go."""
        await self._transport.close(to_device=self.session.their_device)
        self.end(ConnectionFailed("the connection was closed"))
        with suppress(TimedOut):
            await wait_for(RELEASE_S, self._released.wait(), "WebRTC does not close")

    def end(self, trouble: PeerError) -> None:
        """Note that it is over; whoever waits for a next step gets *trouble*."""
        self.ended.set()
        for step in (self._offer, self._answer, self._opened):
            if not step.done():
                step.set_exception(trouble)
                step.exception()  # it is no mistake if nobody waits

    async def release(self) -> None:
        """Stop everything and close every socket."""
        self.end(ConnectionFailed("the connection was closed"))
        for task in self._tasks:
            task.cancel()
        if self._media is not None:
            self._media.end()
        if self._gathering is not None:
            await asyncio.wait({self._gathering}, timeout=GATHER_S)
        if self._rtc is not None:
            await close(self._rtc)
        self._released.set()
        if self._over is not None:
            await self._transport.close(to_device=self.session.their_device)

    async def _start(self) -> RTCPeerConnection:
        # Always an explicit list: without one, aiortc asks a public STUN server.
        ice_servers = await self._transport.ice_servers()
        configuration = RTCConfiguration(iceServers=ice_servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        if self.ended.is_set():
            raise ConnectionFailed("the connection was closed")
        self._rtc = rtc = RTCPeerConnection(configuration)
        control = ControlChannel(self.session.require_keys(), self._budget, self._on_fault)
        self._media = Media(rtc, control, gives_way=self.session.gives_way)
        rtc.on("datachannel", self._on_data_channel)
        rtc.on("connectionstatechange", self._check)
        return rtc

    async def _send_ours(self, rtc: RTCPeerConnection) -> None:
        ours = rtc.localDescription
        sdp, candidates = split_candidates(ours.sdp) if self._transport.trickle else (ours.sdp, [])
        if candidates:
            await self._say("ice", candidates)
        await self._say(ours.type, {"type": ours.type, "sdp": sdp})

    async def _say(self, method: str, value: object) -> None:
        sealed, to = self.session.seal(method, value), self.session.their_device
        await self._transport.relay(method, self.session.encryption_key, sealed, to_device=to)

    async def _set_ours(self, rtc: RTCPeerConnection, ours: RTCSessionDescription) -> None:
        # Cancelled in the middle, aioice would leave its sockets open: `release` waits for it.
        self._gathering = asyncio.create_task(rtc.setLocalDescription(ours), name="connection: gather")
        await asyncio.shield(self._gathering)

    async def _set_theirs(self, rtc: RTCPeerConnection, theirs: RTCSessionDescription) -> None:
        await rtc.setRemoteDescription(theirs)
        works = [self._candidates.feed(rtc), watch_reassembly(rtc, self._on_fault)]
        if self._media is not None:
            works.append(self._media.negotiate(lambda value: self._candidates.put(parse_candidates(value))))
        self._tasks = [asyncio.create_task(work) for work in works]

    def _on_data_channel(self, data_channel: RTCDataChannel) -> None:
        try:
            is_file = self.channel is not None and self.channel.files.add(data_channel)
            if is_file or not self._channels.admit(data_channel):
                return
            if data_channel.label == LABEL:
                self._open(data_channel)
            elif self._media is not None:
                self._media.control.listen(data_channel)
        except OverLimit as fault:
            self._on_fault(fault)

    def _on_fault(self, fault: BrokenSeal | OverLimit) -> None:
        """Report what does not open; hang up when a limit is exceeded."""
        if isinstance(fault, BrokenSeal):
            self._transport.on_dropped(Reason.BROKEN_SEAL)
        elif self._over is None:
            self._over = fault
            self._transport.on_dropped(Reason.OVER_LIMIT)
            if self.channel is not None:
                self.channel.fail(str(fault))
            self.end(fault)

    def _open(self, data_channel: RTCDataChannel) -> None:
        if self._opened.done() or (rtc := self._rtc) is None or (media := self._media) is None:
            return
        files = Files(rtc.createDataChannel, self.session.require_keys(), self._budget)
        channel = Channel(self.them, data_channel, files, media, self.hang_up, self._on_fault)
        media.control.open(rtc.createDataChannel(CONTROL))
        data_channel.on("close", self.ended.set)
        self._opened.set_result(channel)

    def _check(self) -> None:
        if self._rtc is not None and self._rtc.connectionState in {"failed", "closed"}:
            self.end(ConnectionFailed("no way to the other was found"))


def _is_successful(step: asyncio.Future[Any]) -> bool:
    return step.done() and not step.cancelled() and step.exception() is None
