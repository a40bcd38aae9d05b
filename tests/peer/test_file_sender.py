"""A file is sent to whoever takes it; one that nobody takes is said not to be."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection

from tests.peer.network import Network
from tests.peer.people import Person
from whisper_peer.channels.file_sender import FileSender
from whisper_peer.errors import ChannelClosed, FileRefused, TimedOut
from whisper_peer.protocol.sealing import Keys, decrypt, seal, unseal

pytestmark = pytest.mark.anyio

OURS, THEIRS = bytes(32), bytes([1] * 32)
CONTENT = bytes(range(256)) * 1000  # several frames


@dataclass
class Recipient:
    """The other side of a file's channel; *answers* are what it says to each text, and at the end."""

    answers: list[object]
    offered: object = None
    content: bytearray = field(default_factory=bytearray)

    def listen(self, channel: RTCDataChannel) -> None:
        """Take what comes over *channel*."""

        def hear(frame: str | bytes) -> None:
            if isinstance(frame, str):
                self.offered = unseal("file", frame, OURS)
                self._say(channel)
            else:
                self.content += decrypt("file", frame, OURS)[1]
                if len(self.content) == len(CONTENT):
                    self._say(channel)

        channel.on("message", hear)

    def _say(self, channel: RTCDataChannel) -> None:
        answer = self.answers.pop(0)
        if answer is None:
            channel.close()
        else:
            channel.send(answer if isinstance(answer, str) else seal("file", answer, THEIRS))


@pytest.fixture
async def pair() -> AsyncIterator[tuple[RTCPeerConnection, RTCPeerConnection]]:
    """Connect two."""
    one, other = (RTCPeerConnection(RTCConfiguration([])) for _ in range(2))
    one.createDataChannel("whisper")
    await one.setLocalDescription(await one.createOffer())
    await other.setRemoteDescription(one.localDescription)
    await other.setLocalDescription(await other.createAnswer())
    await one.setRemoteDescription(other.localDescription)
    yield one, other
    await asyncio.gather(one.close(), other.close())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file."""
    found = tmp_path / "a b.txt"
    found.write_bytes(CONTENT)
    return found


async def send(
    pair: tuple[RTCPeerConnection, RTCPeerConnection], recipient: Recipient, file: Path, decide_s: float = 5
) -> None:
    """Send *file* to *recipient*."""
    one, other = pair

    def take(channel: RTCDataChannel) -> None:
        if channel.label == "file":
            recipient.listen(channel)

    other.on("datachannel", take)
    sender = FileSender(one.createDataChannel("file"), Keys(outgoing=OURS, incoming=THEIRS))
    await sender.send(file, decide_s)


async def test_a_file_that_is_taken_arrives(
    pair: tuple[RTCPeerConnection, RTCPeerConnection], file: Path
) -> None:
    """With its name, type and size, and what it holds."""
    recipient = Recipient([{"accepted": True}, {"received": len(CONTENT)}])

    await send(pair, recipient, file)

    assert recipient.offered == {"name": "a b.txt", "type": "text/plain", "size": len(CONTENT)}
    assert recipient.content == CONTENT


@pytest.mark.parametrize(
    "answers",
    [
        [None],
        [{"accepted": False}],
        [["accepted"]],
        [{"accepted": True}, None],
        [{"accepted": True}, {"received": 1}],
    ],
    ids=str,
)
async def test_a_file_that_is_not_taken_is_said_not_to_be(
    pair: tuple[RTCPeerConnection, RTCPeerConnection], file: Path, answers: list[object]
) -> None:
    """Whether they refuse it, hang up in the middle, or did not get all."""
    with pytest.raises(FileRefused):
        await send(pair, Recipient(answers), file)


async def test_nobody_is_waited_for_longer_than_was_said(
    pair: tuple[RTCPeerConnection, RTCPeerConnection], file: Path
) -> None:
    """What is not sealed for us is no answer."""
    with pytest.raises(TimedOut):
        await send(pair, Recipient(["nonsense"]), file, decide_s=0.2)


async def test_a_peer_in_python_takes_no_files(
    network: Network, alice: Person, bob: Person, file: Path
) -> None:
    """It closes the channel at once; and nothing is sent where nobody is any more."""
    async with network.home(bob.address), network.home(alice.address):
        channel, _ = await network.connect(alice, bob)
        with pytest.raises(FileRefused):
            await channel.send_file(file)
        await channel.close()

        with pytest.raises(ChannelClosed):
            await channel.send_file(file)
