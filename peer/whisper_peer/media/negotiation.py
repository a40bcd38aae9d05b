"""Perfect negotiation (W3C WebRTC) of media over an open connection, for aiortc, which can't roll back.

Our offer is only applied when it is answered, so that one of theirs can come in between. A transceiver is
negotiated for both directions at once: what is sent over it later needs no other offer.
"""

import asyncio
import re
from collections.abc import Callable

from aiortc import RTCPeerConnection, RTCSessionDescription, sdp
from aiortc.rtcpeerconnection import add_transport_description

from whisper_peer.aiortc_adapter import translate_errors
from whisper_peer.errors import BrokenSeal

# A browser's have three: data, sound and picture. Each more is a decoder's thread.
MAX_SECTIONS = 8
MAX_SDP = 128 * 1024

_NO_INDEX = -1


class Negotiation:
    """Descriptions of *rtc*, sent by *send*; who *gives_way* takes an offer back when both offer at once."""

    def __init__(self, rtc: RTCPeerConnection, send: Callable[[object], None], *, gives_way: bool) -> None:
        self._rtc = rtc
        self._send = send
        self._gives_way = gives_way
        self._offered: RTCSessionDescription | None = None
        self._turn = asyncio.Lock()

    async def offer(self) -> None:
        """Offer the transceivers that the other does not know, now or after the offer that is on its way."""
        async with self._turn:
            await self._offer_new()

    async def apply(self, theirs: RTCSessionDescription) -> None:
        """Use their offer or answer. Raise `BrokenSeal` or `ConnectionFailed` if that is not possible."""
        if len(theirs.sdp) > MAX_SDP or theirs.sdp.count("\nm=") > MAX_SECTIONS:
            raise BrokenSeal("the description has too many parts")
        async with self._turn:
            with translate_errors():
                if theirs.type == "offer":
                    await self._answer(theirs)
                else:
                    await self._on_answer(theirs)
                await self._offer_new()

    async def _offer_new(self) -> None:
        if self._offered is None and any(each.mid is None for each in self._rtc.getTransceivers()):
            self._offered = await _create_offer(self._rtc)
            self._tell(self._offered)

    async def _answer(self, offer: RTCSessionDescription) -> None:
        if self._offered is not None and not self._gives_way:
            return  # they answer ours, and offer again
        if _ufrag(offer.sdp) != _ufrag(self._rtc.remoteDescription.sdp):
            return  # an ICE restart, which aiortc can't do: they dial anew
        self._offered = None
        for transceiver in self._rtc.getTransceivers():
            if transceiver.mid is None:  # its place was in the offer that is taken back
                transceiver._set_mline_index(_NO_INDEX)  # noqa: SLF001 - aiortc has no rollback
        await self._rtc.setRemoteDescription(offer)
        for transceiver in self._rtc.getTransceivers():
            transceiver.direction = "sendrecv"
        await self._rtc.setLocalDescription(await self._rtc.createAnswer())
        self._tell(self._rtc.localDescription)

    async def _on_answer(self, answer: RTCSessionDescription) -> None:
        offered, self._offered = self._offered, None
        if offered is not None:
            await self._rtc.setLocalDescription(offered)
            await asyncio.sleep(0)  # aiortc goes on connecting, and must not see the answer half applied
            await self._rtc.setRemoteDescription(answer)

    def _tell(self, ours: RTCSessionDescription) -> None:
        self._send({"description": {"type": ours.type, "sdp": ours.sdp}})


async def _create_offer(rtc: RTCPeerConnection) -> RTCSessionDescription:
    """Return an offer that is whole without being applied, with the payload types that are in use."""
    offer = sdp.SessionDescription.parse((await rtc.createOffer()).sdp)
    known = sdp.SessionDescription.parse(rtc.localDescription.sdp).media
    transport = rtc.getTransceivers()[0].sender.transport  # the one that all share
    for index, media in enumerate(offer.media):
        add_transport_description(media, transport)
        if index < len(known):
            media.fmt, media.rtp = known[index].fmt, known[index].rtp
    return RTCSessionDescription(str(offer), "offer")


def _ufrag(description: str) -> str:
    found = re.search(r"^a=ice-ufrag:(\S+)", description, re.MULTILINE)
    return found[1] if found else ""
