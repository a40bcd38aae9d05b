"""Sound goes over the open connection, negotiated there, by real WebRTC over loopback."""

import asyncio
import math
import wave
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peer.network import Network
from tests.peer.people import Person
from whisper_peer.channels.channel import Channel
from whisper_peer.channels.control_channel import MAX_UNACKNOWLEDGED

pytestmark = pytest.mark.anyio

SOON_S = 10
LOUD = 1000


def tone(path: Path, seconds: float = 0.5) -> Path:
    """Write a sound."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        samples = (10_000 * math.sin(at / 20) for at in range(int(48000 * seconds)))
        file.writeframes(array("h", map(int, samples)).tobytes())
    return path


def loudness(path: Path) -> int:
    """Return the loudest sample of a record."""
    with wave.open(str(path)) as file:
        return max(array("h", file.readframes(file.getnframes())), default=0)


@contextmanager
def recording(channel: Channel, path: Path) -> Iterator[asyncio.Task[None]]:
    """Record what the other shares."""
    task = asyncio.create_task(channel.media.record(path))
    yield task
    task.cancel()


async def test_a_sound_is_heard_and_recorded(
    pair: Network, alice: Person, bob: Person, tmp_path: Path
) -> None:
    """By whom it is played to, whichever of them it is, even if both begin at once; and twice over one track."""
    channel, accepted = await pair.connect(alice, bob)
    sound, records = tone(tmp_path / "tone.wav"), [tmp_path / "one.wav", tmp_path / "other.wav"]

    with recording(channel, records[0]) as one, recording(accepted, records[1]) as other:
        for _ in range(2):
            playing = channel.media.play(sound), accepted.media.play(sound)
            await asyncio.wait_for(asyncio.gather(*playing), SOON_S)
        await channel.close()
        await asyncio.wait_for(asyncio.gather(one, other), SOON_S)

    assert [loudness(record) > LOUD for record in records] == [True, True]
