"""Limit on SCTP reassembly: aiortc keeps a message that never ends, whatever window it announced."""

import asyncio
from collections.abc import Callable

from aiortc import RTCPeerConnection, RTCSctpTransport

from whisper_peer.errors import OverLimit

POLL_S = 0.05

# A frame has at most 64 KiB, and the window that aiortc announces 1 MiB: who sends more has ignored it.
MAX_REASSEMBLED_BYTES = 1024 * 1024
CHUNK_BYTES = 256  # of memory that each chunk costs beside its content, which may be empty


async def watch_reassembly(rtc: RTCPeerConnection, on_fault: Callable[[OverLimit], None]) -> None:
    """Tell *on_fault*, once, that the other's unfinished messages hold too much of *rtc*'s memory."""
    while rtc.sctp is None or reassembled_bytes(rtc.sctp) <= MAX_REASSEMBLED_BYTES:  # noqa: ASYNC110 - no event
        await asyncio.sleep(POLL_S)
    on_fault(OverLimit(f"the other sent more than {MAX_REASSEMBLED_BYTES} bytes of messages without an end"))


def reassembled_bytes(sctp: RTCSctpTransport) -> int:
    """Return what *sctp* holds of messages that are here in part."""
    streams = sctp._inbound_streams.values()  # noqa: SLF001 - aiortc tells it nowhere else
    return sum(len(chunk.user_data) + CHUNK_BYTES for stream in streams for chunk in stream.reassembly)
