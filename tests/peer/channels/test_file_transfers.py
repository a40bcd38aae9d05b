"""File transfers over data channels of their own, by real WebRTC over loopback."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.peer.network import Network
from tests.peer.people import Person
from whisper_peer.channels.channel import Channel
from whisper_peer.channels.file_channel import FILE, FileChannel
from whisper_peer.channels.file_transfers import MAX_OFFERED, MAX_SAME, OfferedFile, unused_path
from whisper_peer.errors import TransferCancelled
from whisper_peer.terminal_files import CallFiles

pytestmark = pytest.mark.anyio

SOON_S = 10


async def offer(sender: Channel, recipient: Channel, path: Path) -> tuple[asyncio.Task[None], OfferedFile]:
    """Let *sender* offer the file at *path*, and return it as it is offered."""
    sending = asyncio.create_task(sender.files.send(path, timeout=SOON_S))
    return sending, await asyncio.wait_for(recipient.files.next(), SOON_S)


async def offer_ten_bytes(
    sender: Channel, recipient: Channel, path: Path
) -> tuple[FileChannel, asyncio.Task[None]]:
    """Let *sender* offer ten bytes by hand, and *recipient* save them at *path*: they may come now."""
    channel = FileChannel(sender.files._open_channel(FILE), sender.keys, sender.budget)  # noqa: SLF001
    await channel.wait_open()
    await channel.put({"name": "x", "type": "", "size": 10})
    offered = await asyncio.wait_for(recipient.files.next(), SOON_S)
    saving = asyncio.create_task(offered.save(path))
    assert await channel.next() == {"accepted": True}
    return channel, saving


@pytest.mark.parametrize("size", [0, 1, 60_000, 200_001])
async def test_a_file_arrives_whole(
    pair: Network, alice: Person, bob: Person, tmp_path: Path, size: int
) -> None:
    """With its name and type; in either direction."""
    content = os.urandom(size)
    (tmp_path / "cat.png").write_bytes(content)
    channel, accepted = await pair.connect(alice, bob)

    for number, (one, other) in enumerate([(channel, accepted), (accepted, channel)]):
        sending, offered = await offer(one, other, tmp_path / "cat.png")
        await offered.save(tmp_path / str(number))
        await asyncio.wait_for(sending, SOON_S)

    assert (offered.name, offered.media_type, offered.size) == ("cat.png", "image/png", size)
    assert [(tmp_path / str(number)).read_bytes() for number in range(2)] == [content, content]


async def test_a_file_that_is_refused_is_not_sent(
    pair: Network, alice: Person, bob: Person, tmp_path: Path
) -> None:
    """The sender is told, and values go on."""
    (tmp_path / "x").write_bytes(b"x")
    channel, accepted = await pair.connect(alice, bob)
    sending, offered = await offer(channel, accepted, tmp_path / "x")

    offered.refuse()

    with pytest.raises(TransferCancelled):
        await asyncio.wait_for(sending, SOON_S)
    await channel.send("still here")
    assert await accepted.receive() == "still here"


async def test_nothing_is_left_of_a_file_that_is_cancelled(
    pair: Network, alice: Person, bob: Person, tmp_path: Path
) -> None:
    """Half a file is none."""
    channel, accepted = await pair.connect(alice, bob)
    sender, saving = await offer_ten_bytes(channel, accepted, tmp_path / "x")

    await sender.put(b"half")
    sender.close()

    with pytest.raises(TransferCancelled):
        await asyncio.wait_for(saving, SOON_S)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("part", [b"", b"12345678901"], ids=["nothing", "more than was offered"])
async def test_another_file_than_was_offered_is_cancelled(
    pair: Network, alice: Person, bob: Person, tmp_path: Path, part: bytes
) -> None:
    """It would fill the disk, or never end."""
    channel, accepted = await pair.connect(alice, bob)
    sender, saving = await offer_ten_bytes(channel, accepted, tmp_path / "x")

    await sender.put(part)

    with pytest.raises(TransferCancelled):
        await asyncio.wait_for(saving, SOON_S)


async def test_offers_without_end_are_refused(pair: Network, alice: Person, bob: Person) -> None:
    """Some wait for the program; a further channel is closed at once."""
    channel, _ = await pair.connect(alice, bob)
    opened = [
        FileChannel(channel.files._open_channel(FILE), channel.keys, channel.budget)  # noqa: SLF001
        for _ in range(MAX_OFFERED + 1)
    ]

    async with asyncio.timeout(SOON_S):
        await opened[-1].closed.wait()

    assert not any(each.closed.is_set() for each in opened[:-1])


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("cat.png", "cat.png"),
        ("../../.ssh/authorized_keys", "authorized_keys"),
        ("..", "file"),
        ("", "file"),
        ("a\nb\x1b[2J.txt", "ab[2J.txt"),
        ("C:\\x.exe", "Cx.exe"),
        ("taken", "taken 2"),
        ("é" * 255 + ".png", "é" * 100 + ".png"),
        ("a" * 200, "a" * 200 + " 2"),
        ("a." + "é" * 253, "a." + "é" * 19),
    ],
)
def test_a_name_of_the_other_leads_nowhere_else(tmp_path: Path, name: str, safe: str) -> None:
    """Neither out of the folder, nor over a file that is there."""
    for taken in ("taken", "a" * 200):
        (tmp_path / taken).touch()

    path = unused_path(tmp_path, name)

    assert path == tmp_path / safe
    path.touch()


async def test_a_file_that_can_not_be_saved_is_refused_alone(
    pair: Network, alice: Person, bob: Person, tmp_path: Path
) -> None:
    """A thousand of one name are enough; the next file is saved as ever."""
    folder = tmp_path / "saved"
    folder.mkdir()
    for name in ("a", *(f"a {number}" for number in range(2, MAX_SAME + 1))):
        (folder / name).touch()
    for name in "ab":
        (tmp_path / name).write_text(name)
    channel, accepted = await pair.connect(alice, bob)
    saving = asyncio.create_task(CallFiles(save=folder).exchange(accepted))

    with pytest.raises(TransferCancelled):
        await channel.files.send(tmp_path / "a", timeout=SOON_S)
    await channel.files.send(tmp_path / "b", timeout=SOON_S)

    assert (folder / "b").read_text() == "b"
    await channel.close()
    await asyncio.wait_for(saving, SOON_S)
