"""Sound goes over the open connection, negotiated there, by real WebRTC over loopback."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peer.network import Network
from tests.peer.people import Person
from tests.peer.sounds import is_heard, tone
from whisper_peer.channels.channel import Channel

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
