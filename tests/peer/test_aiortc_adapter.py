"""Complete shutdown of aiortc connections, with real WebRTC over loopback."""

import asyncio
import gc

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from whisper_peer.aiortc_adapter import close

pytestmark = pytest.mark.anyio

# After which SCTP sends again what nobody answered: aiortc's own time.
RESEND_S = 3


async def test_closed_amid_connecting_nothing_goes_on() -> None:
    """What would fail later, unseen, has ended: ICE's checks, DTLS's handshake, SCTP's first words."""
    before = asyncio.all_tasks()

    for steps in range(60):
        await _closed_after(steps)

    await asyncio.sleep(RESEND_S + 1)
    gc.collect()  # a task that failed tells so when it goes
    assert asyncio.all_tasks() == before


async def _closed_after(steps: int) -> None:
    """Let two connect, and close both *steps* of the event loop after the DTLS handshake has begun."""
    one, other = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    one.createDataChannel("whisper")
    await one.setLocalDescription(await one.createOffer())
    await other.setRemoteDescription(one.localDescription)
    await other.setLocalDescription(await other.createAnswer())
    begun = asyncio.Event()
    assert one.sctp is not None
    one.sctp.transport.on("statechange", begun.set)
    await one.setRemoteDescription(other.localDescription)
    await begun.wait()
    for _ in range(steps):
        await asyncio.sleep(0)
    await asyncio.gather(close(one), close(other))
