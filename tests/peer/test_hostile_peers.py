"""Limits of what a connected peer can make this one hold, with real WebRTC."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiortc import RTCDataChannel, RTCDataChannelParameters, RTCPeerConnection
from aiortc.rtcsctptransport import SCTP_DATA_FIRST_FRAG, DataChunk

from tests.peer.network import SOON_S, Listener, Network, opened
from tests.peer.people import Person
from whisper_peer.channels.byte_budget import MAX_HELD_BYTES, MAX_UNACCEPTED_BYTES, OBJECT_BYTES, ByteBudget
from whisper_peer.channels.channel import METHOD, Channel
from whisper_peer.channels.channel_registry import CONTROL, LABEL, MAX_REFUSED_CHANNELS
from whisper_peer.channels.reassembly_limit import CHUNK_BYTES, MAX_REASSEMBLED_BYTES
from whisper_peer.errors import ChannelClosed, OverLimit, Reason
from whisper_peer.protocol.messages import Answer, Dial
from whisper_peer.protocol.sealing import MAX_JSON_BYTES, Format, deflate, encrypt
from whisper_peer.signaling_session import SignalingSession

pytestmark = pytest.mark.anyio

LARGE = b'"' + b"x" * (MAX_JSON_BYTES - 2) + b'"'


@asynccontextmanager
async def dialled(
    network: Network, alice: Person, bob: Person, labels: list[str]
) -> AsyncIterator[tuple[asyncio.Task[Channel], RTCPeerConnection]]:
    """Let Alice dial Bob, who opens a channel for each of *labels*; return her dial and his side."""
    session = SignalingSession(bob.address, alice.address, 0)
    network.listeners[bob.address] = listener = Listener()
    async with network.home(alice.address), opened(labels) as rtc:
        dialling = asyncio.create_task(network.dial(alice, bob))
        session.on_dial(await listener.heard(Dial))
        payload = session.seal("offer", {"type": "offer", "sdp": rtc.localDescription.sdp})
        await network.relay(bob.address, alice.address, "offer", session.encryption_key, payload)
        session.expected = Answer
        await rtc.setRemoteDescription(session.on_description(await listener.heard(Answer)))
        yield dialling, rtc
        dialling.cancel()


def bomb(channel: Channel) -> str:
    """Return a small frame with 64 KiB of JSON in it."""
    return b64encode(encrypt(METHOD, Format.DEFLATED, deflate(LARGE), channel.keys.outgoing)).decode()


async def until_hung_up(network: Network) -> None:
    """Wait until somebody has reported that a limit was exceeded, and told the other."""
    async with asyncio.timeout(SOON_S):
        while Reason.OVER_LIMIT not in network.dropped or "close" not in network.calls:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("label", [LABEL, CONTROL])
async def test_a_second_channel_of_a_kind_hangs_up(
    network: Network, alice: Person, bob: Person, label: str
) -> None:
    """One of each is enough; the reason says which came twice."""
    async with dialled(network, alice, bob, [LABEL, CONTROL]) as (dialling, rtc):
        channel = await dialling

        rtc.createDataChannel(label)

        with pytest.raises(ChannelClosed, match=f"a second channel {label}"):
            await channel.receive()
        await until_hung_up(network)


async def test_the_callee_counts_channels_too(pair: Network, alice: Person, bob: Person) -> None:
    """The side that made the offer has a channel already: another is the second."""
    channel, accepted = await pair.connect(alice, bob)

    RTCDataChannel(channel.data_channel.transport, RTCDataChannelParameters(LABEL))

    with pytest.raises(ChannelClosed, match="a second channel whisper"):
        await accepted.receive()


async def test_channels_without_a_use_are_closed(network: Network, alice: Person, bob: Person) -> None:
    """Their place is free again, however many come one after another."""
    async with dialled(network, alice, bob, [LABEL]) as (dialling, rtc):
        channel = await dialling

        for _ in range(MAX_REFUSED_CHANNELS + 1):
            refused = rtc.createDataChannel("another")
            async with asyncio.timeout(SOON_S):
                while refused.readyState != "closed":
                    await asyncio.sleep(0.001)

        assert not channel.closed


async def test_a_flood_of_channels_hangs_up(network: Network, alice: Person, bob: Person) -> None:
    """Even before there is a channel for values: the dial fails with the reason."""
    labels = [f"file {number}" for number in range(MAX_REFUSED_CHANNELS * 4)]
    async with dialled(network, alice, bob, labels) as (dialling, _):
        with pytest.raises(OverLimit, match="more than 64 channels"):
            await dialling
        await until_hung_up(network)


async def test_values_before_the_connection_is_accepted_are_bounded(
    pair: Network, alice: Person, bob: Person
) -> None:
    """A stranger who dials gets 1 MiB, whatever its compressed size; then nothing is kept."""
    channel = await pair.dial(alice, bob)

    for _ in range(MAX_UNACCEPTED_BYTES // MAX_JSON_BYTES + 1):
        channel.data_channel.send(bomb(channel))
    await until_hung_up(pair)

    accepted = await pair.homes[bob.address].next_incoming()
    with pytest.raises(ChannelClosed, match="more than 1048576 bytes"):
        await accepted.receive()


async def test_fragments_before_the_connection_is_accepted_are_bounded(
    pair: Network, alice: Person, bob: Person
) -> None:
    """A value that is never completed is counted as well."""
    channel = await pair.dial(alice, bob)
    content = bytes(MAX_UNACCEPTED_BYTES // 20)

    for _ in range(20):
        channel.data_channel.send(encrypt(METHOD, Format.MORE, content, channel.keys.outgoing))

    await until_hung_up(pair)


@pytest.mark.parametrize("content", [bytes(1000), b""], ids=["bytes", "nothing"])
async def test_a_message_without_an_end_hangs_up(
    network: Network, alice: Person, bob: Person, content: bytes
) -> None:
    """SCTP fragments that are never the last, in spite of the window; no value has come of them yet."""
    async with dialled(network, alice, bob, [LABEL]) as (dialling, rtc):
        channel = await dialling
        assert rtc.sctp is not None

        for number in range(3 * MAX_REASSEMBLED_BYTES // (len(content) + CHUNK_BYTES)):
            chunk = DataChunk(flags=0 if number else SCTP_DATA_FIRST_FRAG)
            chunk.tsn, chunk.user_data = (rtc.sctp._local_tsn + number) % 2**32, content  # noqa: SLF001 - no API does it
            with suppress(ConnectionError):
                await rtc.sctp._send_chunk(chunk)  # noqa: SLF001
            await asyncio.sleep(0)  # or the kernel drops most of it
        await until_hung_up(network)

        with pytest.raises(ChannelClosed, match="messages without an end"):
            await channel.receive()


def test_empty_objects_are_bounded() -> None:
    """Each costs memory, however small."""
    budget = ByteBudget()

    for _ in range(MAX_UNACCEPTED_BYTES // OBJECT_BYTES):
        budget.charge(b"")

    with pytest.raises(OverLimit):
        budget.charge(b"")


async def test_values_that_nobody_reads_are_bounded(pair: Network, alice: Person, bob: Person) -> None:
    """An accepted peer gets more, and not for ever."""
    channel, accepted = await pair.connect(alice, bob)
    frame = bomb(channel)

    for _ in range(MAX_HELD_BYTES // MAX_JSON_BYTES + 1):
        channel.data_channel.send(frame)
    await until_hung_up(pair)

    with pytest.raises(ChannelClosed, match=f"more than {MAX_HELD_BYTES} bytes"):
        await accepted.receive()


async def test_what_is_read_no_longer_counts(pair: Network, alice: Person, bob: Person) -> None:
    """A peer that is read may go on for ever."""
    channel, accepted = await pair.connect(alice, bob)
    await channel.send("small")
    await channel.send("x" * 200_000)

    values = [await accepted.receive(), await accepted.receive()]

    assert (len(values), accepted.budget.held) == (2, 0)


async def test_a_value_that_is_no_json_is_dropped(pair: Network, alice: Person, bob: Person) -> None:
    """Sealed well, in one frame or as a fragment; the channel goes on."""
    channel, accepted = await pair.connect(alice, bob)

    for form in (Format.PLAIN, Format.LAST):
        frame = encrypt(METHOD, form, b"{", channel.keys.outgoing)
        channel.data_channel.send(frame if form is Format.LAST else b64encode(frame).decode())
    await channel.send("good")

    assert await accepted.receive() == "good"
    assert pair.dropped == [Reason.BROKEN_SEAL] * 2
