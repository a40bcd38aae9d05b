"""A peer in a terminal: `python -m tests.peer listen`, and in another `python -m tests.peer dial ADDRESS`.

What is typed goes to the other, what the other types is printed. End of input (Ctrl-D) hangs up, once
everything typed has arrived; Ctrl-C hangs up too. A refusal or a timeout is one line on standard error and
exit status 1.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO
from unicodedata import category

from app.protocol.keys import Address
from tests.peer.channel import Channel
from tests.peer.errors import ChannelClosed, TimedOut, Trouble
from tests.peer.identity import Identity
from tests.peer.keyboard import Keyboard
from tests.peer.peer import PUSH_SERVICE, SERVER, Peer

# How often a listener looks up from waiting; nothing else happens then.
LISTEN_S = 3600

# Control characters, and halves of surrogate pairs, which can't be printed at all.
_STEERING = {"Cc", "Cs"}


def main() -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args()
    if options.verbose:
        logging.basicConfig(format="%(name)s: %(message)s", stream=sys.stderr)
        logging.getLogger("tests.peer").setLevel(logging.INFO)
    try:
        with suppress(asyncio.CancelledError):  # Ctrl-C before there was anything to leave
            asyncio.run(_run(options))
    except (Trouble, ValueError, OSError) as trouble:
        _say(str(trouble), sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--server", default=SERVER, help="the Whisper server (%(default)s)")
    common.add_argument("--push-service", default=PUSH_SERVICE, help="whose subscriber to be (%(default)s)")
    common.add_argument(
        "--identity", type=Path, metavar="FILE", help="where its secret key is kept, made if missing"
    )
    common.add_argument("--verbose", action="store_true", help="tell each call, sent, received or dropped")
    parser = argparse.ArgumentParser(prog="python -m tests.peer", description="A Whisper peer in a terminal.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("listen", parents=[common], help="wait to be dialled, and accept")
    dial = commands.add_parser("dial", parents=[common], help="dial an address")
    dial.add_argument("address", type=_address, metavar="ADDRESS")
    return parser


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"an address {fault}") from None


async def _run(options: argparse.Namespace) -> None:
    _cancel_on(signal.SIGINT, signal.SIGTERM)
    identity = Identity.kept_in(options.identity) if options.identity else None
    dials = options.command == "dial"
    async with Peer.started(
        server=options.server, push_service=options.push_service, identity=identity, accept=not dials
    ) as peer:
        _say(f"your address: {peer.address.text}")
        with suppress(asyncio.CancelledError):  # leaving the block hangs up
            await (_dial(peer, options.address) if dials else _listen(peer))
    pushed = [method for method in peer.calls_sent if method != "update"]
    _say(f"pushes sent: {len(pushed)}, received: {len(peer.received)}, dropped: {len(peer.dropped)}")


def _cancel_on(*signals: signal.Signals) -> None:
    running = asyncio.current_task()
    if running is not None:
        for number in signals:
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)


async def _dial(peer: Peer, address: Address) -> None:
    channel = await peer.dial(address)
    await _talk(channel, Keyboard(), hang_up=True)


async def _listen(peer: Peer) -> None:
    keyboard = Keyboard()
    while True:
        with suppress(TimedOut):
            await _talk(await peer.accept(timeout=LISTEN_S), keyboard, hang_up=False)


async def _talk(channel: Channel, keyboard: Keyboard, *, hang_up: bool) -> None:
    """Send what is typed and print what comes until either side closes; *hang_up* at the end of input."""
    _say(f"connected with {channel.address.text}")
    hearing = asyncio.create_task(_hear(channel))
    speaking = asyncio.create_task(_speak(channel, keyboard))
    try:
        await asyncio.wait({hearing, speaking}, return_when=asyncio.FIRST_COMPLETED)
        if speaking.done() and hang_up:
            await channel.close()
        await hearing
    finally:
        speaking.cancel()
        hearing.cancel()
        await asyncio.gather(speaking, hearing, return_exceptions=True)
    _say("closed")


async def _speak(channel: Channel, keyboard: Keyboard) -> None:
    with suppress(ChannelClosed):
        async for line in keyboard.lines():
            await channel.send(line)


async def _hear(channel: Channel) -> None:
    async for value in channel:
        _say(f"{channel.address.text[:6]}: {_printable(value)}")


def _printable(value: object) -> str:
    """Return a text as it is, other JSON as JSON; what would steer the terminal is spelled out."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(_spelled_out(sign) if category(sign) in _STEERING else sign for sign in text)


def _spelled_out(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


def _say(line: str, stream: TextIO = sys.stdout) -> None:
    stream.write(line + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
