"""Command line of the peer: `whisper-peer listen`, and in another terminal `whisper-peer dial ADDRESS`.

`whisper-peer ring ADDRESS --text TEXT` is for scripts: it dials, sends the text, and hangs up.

Lines of standard input are sent to the other, received values are printed. End of input (Ctrl-D) hangs up,
once everything typed has arrived; Ctrl-C hangs up too. A refusal or a timeout is one line on standard error
and exit status 1.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path
from unicodedata import category

from whisper_peer.channels.channel import Channel
from whisper_peer.errors import ChannelClosed, PeerError, TimedOut
from whisper_peer.identity import Identity
from whisper_peer.line_reader import LineReader
from whisper_peer.peer import PUSH_SERVICE, SERVER, Peer
from whisper_peer.protocol.keys import Address
from whisper_peer.push_endpoint import PUSH_PORT, OwnEndpoint
from whisper_peer.terminal_files import CallFiles, write_line

# How often a listener looks up from waiting; nothing else happens then.
LISTEN_S = 3600
RING_S = 60

# Control characters, invisible ones that turn text around, and halves of surrogate pairs: not printable.
_CONTROL = {"Cc", "Cf", "Cs"}


def main() -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args()
    if options.verbose:
        logging.basicConfig(format="%(name)s: %(message)s", stream=sys.stderr)
        logging.getLogger("whisper_peer").setLevel(logging.INFO)
    try:
        with suppress(asyncio.CancelledError):  # Ctrl-C before there was anything to leave
            asyncio.run(_run(options))
    except (PeerError, ValueError, OSError) as trouble:
        write_line(str(trouble), sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--server", default=SERVER, help="the Whisper server (%(default)s)")
    common.add_argument("--push-service", default=PUSH_SERVICE, help="whose subscriber to be (%(default)s)")
    common.add_argument(
        "--push-endpoint",
        metavar="URL",
        help="be a push service oneself: the https URL that leads to --push-port",
    )
    common.add_argument("--push-port", type=int, default=PUSH_PORT, help="on loopback (%(default)s)")
    common.add_argument(
        "--identity", type=Path, metavar="FILE", help="where its secret key is kept, made if missing"
    )
    common.add_argument("--verbose", action="store_true", help="tell each call, sent, received or dropped")
    parser = argparse.ArgumentParser(prog="whisper-peer", description="A Whisper peer in a terminal.")
    commands = parser.add_subparsers(dest="command", required=True)
    listen = commands.add_parser("listen", parents=[common], help="wait to be dialled, and accept")
    listen.add_argument("--save", type=_folder, metavar="FOLDER", help="save files that are sent there")
    dial = commands.add_parser("dial", parents=[common], help="dial an address")
    for command in (listen, dial):
        command.add_argument("--play", type=_file, metavar="FILE", help="its sound and picture, to the other")
        command.add_argument(
            "--record", type=_new_file, metavar="FILE", help="the sound and picture of the other"
        )
    ring = commands.add_parser("ring", parents=[common], help="dial an address, send a text and hang up")
    ring.add_argument("--text", default="", help="what they read when they answer")
    ring.add_argument("--timeout", type=float, default=RING_S, metavar="SECONDS", help="(%(default)g)")
    send = commands.add_parser("send", parents=[common], help="dial an address, send a file and hang up")
    send.add_argument("--timeout", type=float, default=RING_S, metavar="SECONDS", help="(%(default)g)")
    for command in (dial, ring, send):
        command.add_argument("address", type=_address, metavar="ADDRESS")
    send.add_argument("file", type=_file, metavar="FILE")
    return parser


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"an address {fault}") from None


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return folder


def _new_file(text: str) -> Path:
    _folder(str(Path(text).parent))
    return Path(text)


def _file(text: str) -> Path:
    if not (path := Path(text)).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


async def _run(options: argparse.Namespace) -> None:
    _cancel_on(signal.SIGINT, signal.SIGTERM)
    identity = Identity.load_or_create(options.identity) if options.identity else None
    listens = options.command == "listen"
    # Beside the key, so that a program that is started again is the same device, and misses nothing.
    registration = options.identity.with_suffix(".push") if options.identity else None
    own = OwnEndpoint(options.push_endpoint, port=options.push_port) if options.push_endpoint else None
    async with Peer(
        options.server,
        push_service=own or options.push_service,
        identity=identity,
        registration=registration,
        accept=listens,
    ) as peer:
        write_line(f"your address: {peer.address.text}")
        with suppress(asyncio.CancelledError):  # leaving the block hangs up
            match options.command:
                case "listen":
                    await _listen(peer, CallFiles(options.save, options.play, options.record))
                case "dial":
                    await _dial(peer, options.address, CallFiles(None, options.play, options.record))
                case "send":
                    await _send(peer, options.address, options.file, options.timeout)
                case "ring":
                    await _ring(peer, options.address, options.text, options.timeout)
    pushed = [method for method in peer.calls_sent if method != "update"]
    write_line(f"pushes sent: {len(pushed)}, received: {len(peer.received)}, dropped: {len(peer.dropped)}")


def _cancel_on(*signals: signal.Signals) -> None:
    running = asyncio.current_task()
    if running is not None:
        for number in signals:
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)


async def _dial(peer: Peer, address: Address, files: CallFiles) -> None:
    channel = await peer.dial(address)
    exchanging = asyncio.create_task(files.exchange(channel))
    await _chat(channel, LineReader(), hang_up=True)
    await exchanging


async def _ring(peer: Peer, address: Address, text: str, seconds: float) -> None:
    channel = await peer.dial(address, timeout=seconds)
    if text:
        await channel.send(text)
    await channel.close()


async def _send(peer: Peer, address: Address, file: Path, seconds: float) -> None:
    channel = await peer.dial(address, timeout=seconds)
    await channel.files.send(file, timeout=seconds)
    await channel.close()


async def _listen(peer: Peer, files: CallFiles) -> None:
    reader = LineReader()
    while True:
        with suppress(TimedOut):
            channel = await peer.accept(timeout=LISTEN_S)
            exchanging = asyncio.create_task(files.exchange(channel))
            await _chat(channel, reader, hang_up=False)
            await exchanging


async def _chat(channel: Channel, reader: LineReader, *, hang_up: bool) -> None:
    """Send what is typed and print what comes until either side closes; *hang_up* at the end of input."""
    write_line(f"connected with {channel.address.text}")
    printing = asyncio.create_task(_print_received(channel))
    sending = asyncio.create_task(_send_lines(channel, reader))
    try:
        await asyncio.wait({printing, sending}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and hang_up:
            await channel.close()
        await printing
    finally:
        sending.cancel()
        printing.cancel()
        await asyncio.gather(sending, printing, return_exceptions=True)
    write_line("closed")


async def _send_lines(channel: Channel, reader: LineReader) -> None:
    with suppress(ChannelClosed):
        async for line in reader.lines():
            await channel.send(line)


async def _print_received(channel: Channel) -> None:
    async for value in channel:
        write_line(f"{channel.address.text[:6]}: {_printable(value)}")


def _printable(value: object) -> str:
    """Return a text as it is, other JSON as JSON; what would steer the terminal is spelled out."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(_escape(sign) if category(sign) in _CONTROL else sign for sign in text)


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


if __name__ == "__main__":
    sys.exit(main())
