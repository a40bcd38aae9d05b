"""Conversion of ICE candidates between aiortc's objects, SDP lines and `RTCIceCandidateInit`."""

import asyncio
from typing import Any

from aiortc import RTCIceCandidate, RTCPeerConnection
from aiortc.sdp import candidate_from_sdp

from whisper_peer.errors import BrokenSeal, Dropped, Reason

Candidates = list[RTCIceCandidate | None]

# Far more than a machine has addresses, far less than a flood.
MAX_CANDIDATES = 64

_CANDIDATE = "a=candidate:"
_END = "a=end-of-candidates"
_NO_MORE = ""  # an empty candidate ends them (W3C WebRTC, section 4.8.1.2)


class CandidateQueue:
    """Candidates of the other that wait until they can be used."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[RTCIceCandidate | None] = asyncio.Queue(MAX_CANDIDATES)

    def put(self, candidates: Candidates) -> None:
        """Keep *candidates*. Raise `Dropped` if there are too many."""
        for candidate in candidates:
            try:
                self._waiting.put_nowait(candidate)
            except asyncio.QueueFull:
                raise Dropped(Reason.BUSY) from None

    async def feed(self, rtc: RTCPeerConnection) -> None:
        """Hand them to *rtc*, as they come."""
        while True:
            await rtc.addIceCandidate(await self._waiting.get())


def split_candidates(sdp: str) -> tuple[str, list[dict[str, Any]]]:
    """Return *sdp* without its candidates, and those as `RTCIceCandidateInit`s, with their end."""
    kept: list[str] = []
    taken: list[dict[str, Any]] = []
    section, mid = -1, ""
    for line in sdp.splitlines():
        section += line.startswith("m=")
        mid = line.removeprefix("a=mid:") if line.startswith("a=mid:") else mid
        if line.startswith((_CANDIDATE, _END)):
            text = line.removeprefix("a=") if line.startswith(_CANDIDATE) else _NO_MORE
            taken.append({"candidate": text, "sdpMid": mid, "sdpMLineIndex": section})
        else:
            kept.append(line)
    return "".join(f"{line}\r\n" for line in kept), taken


def parse_candidates(value: object) -> Candidates:
    """Return the candidates of an `ice` payload, `None` for the end. Raise `BrokenSeal` for nonsense."""
    if not isinstance(value, list):
        raise BrokenSeal("ice is no list")
    return [_parse(init) for init in value]


def _parse(init: object) -> RTCIceCandidate | None:
    match init:
        case {"candidate": ""}:
            return None
        case {"candidate": str(text), "sdpMid": str(mid)}:
            candidate = _read(text)
            candidate.sdpMid = mid
        case {"candidate": str(text), "sdpMLineIndex": int(index)}:
            candidate = _read(text)
            candidate.sdpMLineIndex = index
        case _:
            raise BrokenSeal("a candidate is no RTCIceCandidateInit")
    return candidate


def _read(text: str) -> RTCIceCandidate:
    try:
        return candidate_from_sdp(text.removeprefix("candidate:"))
    except (AssertionError, ValueError, IndexError):
        raise BrokenSeal("a candidate cannot be read") from None
