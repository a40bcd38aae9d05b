"""Programs of the peer, the terminal and the example bot, called by a malicious peer."""

import asyncio
import runpy
from base64 import b64encode

import pytest

from tests.peer.network import SOON_S, Network
from tests.peer.people import Person
from tests.processes import ROOT
from whisper_peer.__main__ import _printable
from whisper_peer.channels.channel import METHOD
from whisper_peer.protocol.sealing import Format, encrypt

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("sign", ["\x1b", "\u202e", "\u2066", "\ud800"])
def test_what_steers_the_terminal_is_spelled_out(sign: str) -> None:
    """Control characters, and those that turn the direction of text."""
    assert _printable(f"a{sign}b") == "a" + sign.encode("unicode_escape").decode() + "b"


async def test_no_value_ends_the_bot(pair: Network, alice: Person, bob: Person) -> None:
    """JSON that could not be said again is dropped, and the talk goes on."""
    channel, accepted = await pair.connect(alice, bob)
    echo = runpy.run_path(str(ROOT / "examples/bot/bot.py"))["echo"]
    talking = asyncio.create_task(echo(accepted))
    await channel.receive()

    for plain in (b"1e999", b'"\\ud800"'):
        frame = encrypt(METHOD, Format.PLAIN, plain, channel.keys.outgoing)
        channel.data_channel.send(b64encode(frame).decode())
    await channel.send("polly")

    assert await channel.receive() == "polly"
    await channel.close()
    await asyncio.wait_for(talking, SOON_S)
