"""Error translation and complete shutdown for aiortc connections."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aiortc import RTCPeerConnection

from whisper_peer.channels.timeouts import wait_for
from whisper_peer.errors import ConnectionFailed, PeerError, TimedOut

# Closing says goodbye once and waits for nobody.
RELEASE_S = 5

# On one machine connecting takes a tenth of it; where it fails, it takes longer than anybody wants to wait.
SETTLE_S = 1


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise `ConnectionFailed` where aiortc can't use a description, or is closed already.

    Its SDP parser raises anything, `RuntimeError` out of a `StopIteration` included.
    """
    try:
        yield
    except PeerError:
        raise
    except Exception as fault:
        raise ConnectionFailed(f"WebRTC failed: {fault!r}") from fault


async def close(rtc: RTCPeerConnection) -> None:
    """Close every socket and end every task of *rtc*, in a few seconds at most."""
    with suppress(TimedOut):
        await wait_for(SETTLE_S, _wait_settled(rtc), "WebRTC goes on connecting")
    with suppress(TimedOut):
        await wait_for(RELEASE_S, rtc.close(), "WebRTC does not close")


async def _wait_settled(rtc: RTCPeerConnection) -> None:
    """Wait until ICE and DTLS have connected or failed.

    Closed amid ICE, aioice leaves a task without end; amid DTLS, aiortc sends where nothing is open any more.
    """
    changed = asyncio.Event()
    rtc.on("connectionstatechange", changed.set)
    while rtc.connectionState == "connecting":
        changed.clear()
        await changed.wait()
