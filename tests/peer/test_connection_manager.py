"""Connections of peers by real WebRTC over loopback; only the relay of their calls is a few lines here."""

import asyncio
import os

import pytest

from tests.peer.network import Listener, Network, opened
from tests.peer.people import Person
from whisper_peer.channels.channel import METHOD, Channel
from whisper_peer.channels.channel_registry import LABEL
from whisper_peer.channels.fragments import MAX_FRAGMENTS, MAX_VALUE_BYTES
from whisper_peer.connection_manager import MAX_CONNECTIONS
from whisper_peer.errors import (
    AlreadyConnected,
    ChannelClosed,
    ConnectionFailed,
    Reason,
    ServerRefused,
    TimedOut,
)
from whisper_peer.protocol.messages import Answer, Dial
from whisper_peer.protocol.sealing import Format, encrypt
from whisper_peer.signaling_session import SignalingSession

pytestmark = pytest.mark.anyio


async def test_three_calls_connect(pair: Network, alice: Person, bob: Person) -> None:
    """Dial, offer, answer; the candidates are in the descriptions."""
    await pair.connect(alice, bob)

    assert pair.calls == ["dial", "offer", "answer"]


async def test_values_go_both_ways(pair: Network, alice: Person, bob: Person) -> None:
    """Any JSON, in order."""
    channel, accepted = await pair.connect(alice, bob)

    await channel.send({"grüß": [1, 2.5, None]})
    await accepted.send("dich")

    assert await accepted.receive() == {"grüß": [1, 2.5, None]}
    assert await channel.receive() == "dich"


async def test_each_channel_names_the_other(pair: Network, alice: Person, bob: Person) -> None:
    """Who is there is known by address."""
    channel, accepted = await pair.connect(alice, bob)

    assert (channel.address, accepted.address) == (bob.address, alice.address)


async def test_trickled_candidates_may_come_first(network: Network, alice: Person, bob: Person) -> None:
    """Both sides hold them until the description comes that they belong to."""
    async with network.home(alice.address, trickle=True), network.home(bob.address, trickle=True):
        await network.connect(alice, bob)

    assert network.calls[:5] == ["dial", "ice", "offer", "ice", "answer"]
    assert network.dropped == []


async def test_who_closes_has_said_everything(pair: Network, alice: Person, bob: Person) -> None:
    """A close comes after all that was sent, however much."""
    channel, accepted = await pair.connect(alice, bob)
    for number in range(200):
        await channel.send([number, "x" * 1000])

    await channel.close()

    heard = [value[0] async for value in accepted if isinstance(value, list)]
    assert heard == list(range(200))


async def test_a_close_ends_both_sides(pair: Network, alice: Person, bob: Person) -> None:
    """And the other is told by a call too."""
    channel, accepted = await pair.connect(alice, bob)

    await channel.close()
    with pytest.raises(ChannelClosed):
        await accepted.receive()

    assert (channel.closed, accepted.closed, pair.calls[3:]) == (True, True, ["close"])


async def test_both_may_close_at_once(pair: Network, alice: Person, bob: Person) -> None:
    """Neither waits for the other."""
    channel, accepted = await pair.connect(alice, bob)

    await asyncio.gather(channel.close(), accepted.close())

    assert (channel.closed, accepted.closed, pair.dropped) == (True, True, [])


async def test_closing_twice_is_closing_once(pair: Network, alice: Person, bob: Person) -> None:
    """The second time there is nothing to do."""
    channel, _ = await pair.connect(alice, bob)
    await channel.close()

    await channel.close()

    assert pair.calls.count("close") == 1


async def test_a_closed_channel_takes_nothing(pair: Network, alice: Person, bob: Person) -> None:
    """Sending into nowhere is an error."""
    channel, _ = await pair.connect(alice, bob)
    await channel.close()

    with pytest.raises(ChannelClosed):
        await channel.send("too late")


async def test_a_close_by_call_alone_ends_it(pair: Network, alice: Person, bob: Person) -> None:
    """The other may be gone too suddenly to end WebRTC."""
    channel, _ = await pair.connect(alice, bob)

    pair.deliver(pair.message("close", bob.address, alice.address))
    with pytest.raises(ChannelClosed):
        await channel.receive()

    assert channel.closed


async def test_an_older_close_ends_nothing(pair: Network, alice: Person, bob: Person) -> None:
    """A push that was late is about a connection that is over."""
    late = pair.message("close", bob.address, alice.address)
    channel, accepted = await pair.connect(alice, bob)

    pair.deliver(late)

    await accepted.send("still here")
    assert await channel.receive() == "still here"


async def test_a_value_may_take_too_long(pair: Network, alice: Person, bob: Person) -> None:
    """Waiting ends with a reason."""
    channel, _ = await pair.connect(alice, bob)

    with pytest.raises(TimedOut, match=r"nothing was received within 0\.01 s"):
        await channel.receive(timeout=0.01)


async def test_two_who_dial_at_once_get_one_connection(pair: Network, alice: Person, bob: Person) -> None:
    """The lower address's dial wins; each side's own dial returns the channel."""
    one, other = await asyncio.gather(pair.dial(alice, bob), pair.dial(bob, alice))

    await one.send("hello")

    assert await other.receive() == "hello"
    assert sorted(pair.calls) == ["answer", "dial", "dial", "offer"]
    assert pair.dropped == [Reason.GLARE]


async def test_who_dials_may_refuse_to_be_dialled(network: Network, alice: Person, bob: Person) -> None:
    """A dial that is not accepted is dropped, and the caller told in time."""
    async with network.home(alice.address), network.home(bob.address, accept=False):
        with pytest.raises(TimedOut, match=r"nobody answered within 0\.1 s"):
            await network.dial(alice, bob, seconds=0.1)

    assert network.dropped == [Reason.NOT_ACCEPTING]


async def test_a_refused_dial_leaves_nothing_behind(pair: Network, alice: Person, mallory: Person) -> None:
    """The next dial is a new one."""
    for _ in range(2):
        with pytest.raises(ServerRefused):
            await pair.dial(alice, mallory)


async def test_a_cancelled_dial_leaves_nothing_behind(pair: Network, alice: Person, bob: Person) -> None:
    """Who hangs up while it rings may ring again."""
    dialling = asyncio.create_task(pair.dial(alice, bob))
    await asyncio.sleep(0.01)
    dialling.cancel()
    await asyncio.wait({dialling})

    channel, _ = await pair.connect(alice, bob)

    assert not channel.closed


async def test_one_connection_with_an_address_is_enough(pair: Network, alice: Person, bob: Person) -> None:
    """A second dial fails at once."""
    await pair.connect(alice, bob)

    with pytest.raises(AlreadyConnected):
        await pair.dial(alice, bob)


async def test_they_connect_again_after_a_close(pair: Network, alice: Person, bob: Person) -> None:
    """In the other direction, with new keys."""
    channel, _ = await pair.connect(alice, bob)
    await channel.close()

    again, accepted = await pair.connect(bob, alice)
    await again.send("again")

    assert await accepted.receive() == "again"


async def test_a_new_dial_replaces_a_dead_connection(pair: Network, alice: Person, bob: Person) -> None:
    """Alice was restarted and knows nothing of the old one; Bob lets it go."""
    _, old = await pair.connect(alice, bob)

    async with pair.home(alice.address):
        channel, accepted = await pair.connect(alice, bob)
        await channel.send("anew")

        assert await accepted.receive() == "anew"
        assert old.closed


@pytest.mark.parametrize("method", ["offer", "answer", "ice"])
async def test_a_call_without_a_connection_is_dropped(
    pair: Network, alice: Person, bob: Person, method: str
) -> None:
    """Nobody takes an offer, an answer or candidates out of nowhere."""
    call = pair.message(method, bob.address, alice.address, d=bob.encryption_key, e="AAAA")

    pair.deliver(call)

    assert pair.dropped == [Reason.UNEXPECTED]


async def test_a_close_without_a_connection_is_no_fault(pair: Network, alice: Person, bob: Person) -> None:
    """WebRTC has often said so before."""
    pair.deliver(pair.message("close", bob.address, alice.address))

    assert pair.dropped == []


async def test_a_close_while_it_rings_ends_the_dial(network: Network, alice: Person, bob: Person) -> None:
    """The other has declined."""
    async with network.home(alice.address), network.home(bob.address, accept=False):
        dialling = asyncio.create_task(network.dial(alice, bob))
        await asyncio.sleep(0.01)
        network.deliver(network.message("close", bob.address, alice.address))

        with pytest.raises(ConnectionFailed, match="they closed"):
            await dialling


@pytest.mark.parametrize(
    "sdp",
    [
        "m=application",
        "m=application 9 DTLS/SCTP 5000\r\n",
        "m=application 9 DTLS/SCTP 5000\r\na=fmtp:96 x\r\n",
    ],
)
async def test_an_offer_that_webrtc_cannot_use_fails_the_dial(
    network: Network, alice: Person, bob: Person, sdp: str
) -> None:
    """Bob may seal what he likes: it ends this dial, and nothing else."""
    bobs = SignalingSession(bob.address, alice.address, 0)
    network.listeners[bob.address] = listener = Listener()
    async with network.home(alice.address):
        dialling = asyncio.create_task(network.dial(alice, bob))
        bobs.on_dial(await listener.heard(Dial))

        payload = bobs.seal("offer", {"type": "offer", "sdp": sdp})
        await network.relay(bob.address, alice.address, "offer", bobs.encryption_key, payload)

        with pytest.raises(ConnectionFailed, match="WebRTC failed"):
            await dialling
        assert not network.homes[alice.address]._tasks._tasks  # noqa: SLF001 - nothing else shows a leak


async def test_an_offer_that_leads_nowhere_ends_in_time(network: Network, alice: Person, bob: Person) -> None:
    """They answered, but there is no way; the reason says so."""
    bobs = SignalingSession(bob.address, alice.address, 0)
    network.listeners[bob.address] = listener = Listener()
    async with network.home(alice.address):
        dialling = asyncio.create_task(network.dial(alice, bob, seconds=1))
        bobs.on_dial(await listener.heard(Dial))

        payload = bobs.seal("offer", {"type": "offer", "sdp": "v=0\r\n"})
        await network.relay(bob.address, alice.address, "offer", bobs.encryption_key, payload)

        with pytest.raises(TimedOut, match="they answered, but no connection was made"):
            await dialling


async def test_a_second_offer_is_dropped(network: Network, alice: Person, bob: Person) -> None:
    """Sealed well, but nobody waits for it any more."""
    bobs = SignalingSession(bob.address, alice.address, 0)
    network.listeners[bob.address] = listener = Listener()
    async with network.home(alice.address):
        dialling = asyncio.create_task(network.dial(alice, bob))
        bobs.on_dial(await listener.heard(Dial))
        payload = bobs.seal("offer", {"type": "offer", "sdp": "v=0\r\n"})

        for _ in range(2):
            await network.relay(bob.address, alice.address, "offer", bobs.encryption_key, payload)
        await asyncio.sleep(0.01)

        assert network.dropped == [Reason.UNEXPECTED]
        dialling.cancel()
        await asyncio.wait({dialling})


async def test_a_message_that_does_not_open_is_dropped(pair: Network, alice: Person, bob: Person) -> None:
    """The channel goes on with what does."""
    channel, accepted = await pair.connect(alice, bob)

    channel.data_channel.send("not sealed")
    await channel.send("sealed")

    assert await accepted.receive() == "sealed"
    assert pair.dropped == [Reason.BROKEN_SEAL]


async def test_a_slow_reader_slows_the_writer(pair: Network, alice: Person, bob: Person) -> None:
    """More than fits on the way waits in `send`, and nothing is lost."""
    channel, accepted = await pair.connect(alice, bob)
    noise = os.urandom(20_000).hex()

    for _ in range(20):
        await channel.send(noise)

    assert [await accepted.receive() for _ in range(20)] == [noise] * 20


async def test_a_large_value_arrives(pair: Network, alice: Person, bob: Person) -> None:
    """In parts; both directions."""
    channel, accepted = await pair.connect(alice, bob)
    large = {"text": os.urandom(50_000).hex()}

    await channel.send(large)
    await accepted.send(large)

    assert [await accepted.receive(), await channel.receive()] == [large, large]


async def test_values_that_are_sent_at_once_do_not_mix(pair: Network, alice: Person, bob: Person) -> None:
    """However many parts each has, and however long each waits."""
    channel, accepted = await pair.connect(alice, bob)
    values = [letter * 200_000 for letter in "abc"] + ["d"]

    await asyncio.gather(*[channel.send(value) for value in values])

    assert [await accepted.receive() for _ in values] == values


async def test_a_part_that_does_not_open_is_dropped(pair: Network, alice: Person, bob: Person) -> None:
    """The channel goes on with what does."""
    channel, accepted = await pair.connect(alice, bob)

    channel.data_channel.send(b"not sealed")
    await channel.send("sealed")

    assert await accepted.receive() == "sealed"
    assert pair.dropped == [Reason.BROKEN_SEAL]


async def test_who_sends_too_much_is_hung_up_on(pair: Network, alice: Person, bob: Person) -> None:
    """Nobody honest does."""
    channel, accepted = await pair.connect(alice, bob)
    empty = encrypt(METHOD, Format.MORE, b"", channel.keys.outgoing)

    for _ in range(MAX_FRAGMENTS + 1):
        channel.data_channel.send(empty)

    with pytest.raises(ChannelClosed):
        await accepted.receive()


async def test_a_value_that_nobody_takes_is_not_sent(pair: Network, alice: Person, bob: Person) -> None:
    """It is refused before its first part is."""
    channel, _ = await pair.connect(alice, bob)

    with pytest.raises(ValueError, match="too many"):
        await channel.send("x" * MAX_VALUE_BYTES)


async def test_only_the_channel_for_values_is_used(network: Network, alice: Person, bob: Person) -> None:
    """A browser opens others, for what its program and ours would tell each other."""
    bobs = SignalingSession(bob.address, alice.address, 0)
    network.listeners[bob.address] = listener = Listener()
    async with network.home(alice.address), opened(["control", "file", LABEL, "more"]) as rtc:
        dialling = asyncio.create_task(network.dial(alice, bob))
        bobs.on_dial(await listener.heard(Dial))
        payload = bobs.seal("offer", {"type": "offer", "sdp": rtc.localDescription.sdp})
        await network.relay(bob.address, alice.address, "offer", bobs.encryption_key, payload)
        bobs.expected = Answer
        await rtc.setRemoteDescription(bobs.on_description(await listener.heard(Answer)))

        channel = await dialling

        assert channel.data_channel.label == LABEL


async def test_callers_beyond_the_limit_are_dropped(network: Network, bob: Person) -> None:
    """Bob keeps his machine for those who are there already."""
    async with network.home(bob.address):
        for _ in range(MAX_CONNECTIONS + 1):
            caller = Person()
            network.listeners[caller.address] = Listener()
            network.deliver(network.message("dial", caller.address, bob.address, d=caller.encryption_key))

        assert network.dropped == [Reason.BUSY]


async def test_leaving_closes_every_channel(network: Network, alice: Person, bob: Person) -> None:
    """Who leaves says so."""
    async with network.home(bob.address):
        async with network.home(alice.address):
            _, accepted = await network.connect(alice, bob)

        with pytest.raises(ChannelClosed):
            await accepted.receive()


@pytest.mark.parametrize("moment", [0, 0.001, 0.005, 0.01, 0.02, 0.04])
async def test_leaving_in_the_middle_leaves_nothing(
    network: Network, alice: Person, bob: Person, moment: float
) -> None:
    """Whatever step it is at, the dial fails by name, and no task goes on."""
    before = asyncio.all_tasks()
    async with network.home(bob.address):
        async with network.home(alice.address):
            dialling = asyncio.create_task(network.dial(alice, bob))
            await asyncio.sleep(moment)
        (outcome,) = await asyncio.gather(dialling, return_exceptions=True)

    assert isinstance(outcome, ConnectionFailed | Channel)
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != before:
            await asyncio.sleep(0.01)
