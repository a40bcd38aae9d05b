"""Audio over the open connection, negotiated there, by real WebRTC over loopback."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiortc.mediastreams import AudioStreamTrack

from tests.peer.network import Network
from tests.peer.people import Person
from tests.peer.sound_files import is_heard, tone
from tests.peer.test_hostile_peers import dialled
from whisper_peer.channels.channel import Channel
from whisper_peer.channels.channel_registry import LABEL
from whisper_peer.channels.control_channel import MAX_UNACKNOWLEDGED
from whisper_peer.errors import TimedOut

pytestmark = pytest.mark.anyio

SOON_S = 10


@contextmanager
def recording(channel: Channel, path: Path) -> Iterator[asyncio.Task[None]]:
    """Record what the other shares."""
    task = asyncio.create_task(channel.media.record(path))
    yield task
    task.cancel()


async def test_a_sound_is_heard_and_recorded(
    pair: Network, alice: Person, bob: Person, tmp_path: Path
) -> None:
    """Both ways, even if both begin at once; and twice over the same connection."""
    channel, accepted = await pair.connect(alice, bob)
    sound, records = tone(tmp_path / "tone.wav"), [tmp_path / "one.wav", tmp_path / "other.wav"]

    with recording(channel, records[0]) as one, recording(accepted, records[1]) as other:
        for _ in range(2):
            playing = channel.media.play(sound), accepted.media.play(sound)
            await asyncio.wait_for(asyncio.gather(*playing), SOON_S)
        await channel.close()
        await asyncio.wait_for(asyncio.gather(one, other), SOON_S)

    assert [is_heard(record) for record in records] == [True, True]


@pytest.mark.parametrize(
    "sdp", ["", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 1\r\n", "v=0\r\n" + 100 * "m=audio 9 X 0\r\n"]
)
async def test_nonsense_is_not_negotiated(pair: Network, alice: Person, bob: Person, sdp: str) -> None:
    """Nor is it an end: values go on, and are acknowledged, more of them than may be under way."""
    channel, accepted = await pair.connect(alice, bob)

    await asyncio.wait_for(channel.media.control.greeted.wait(), SOON_S)
    channel.media.control.send({"description": {"type": "offer", "sdp": sdp}})
    for number in range(2 * MAX_UNACKNOWLEDGED):
        await channel.send(number)
    received = [await accepted.receive() for _ in range(2 * MAX_UNACKNOWLEDGED)]

    assert received == list(range(2 * MAX_UNACKNOWLEDGED))


async def test_whoever_takes_no_media_is_not_offered_any(
    network: Network, alice: Person, bob: Person
) -> None:
    """A program that does not greet knows no negotiation: sharing with it fails, in words."""
    async with dialled(network, alice, bob, [LABEL]) as (dialling, _):
        channel = await dialling

        with pytest.raises(TimedOut, match="takes no audio or video"):
            await channel.media.send(AudioStreamTrack(), timeout=0.1)
