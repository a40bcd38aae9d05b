"""A bot that answers every call and says what it is told."""

import argparse
import asyncio
from contextlib import suppress
from pathlib import Path

from whisper_peer import Channel, Identity, Peer, PeerError, TimedOut

HOUR_S = 3600


async def main() -> None:
    """Be reachable until Ctrl-C; the address stays the same, since its key is kept in a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="http://localhost:8000")
    parser.add_argument("--push-service", default="ws://127.0.0.1:8100/")
    parser.add_argument("--identity", type=Path, default=Path("bot.key"))
    options = parser.parse_args()

    identity = Identity.load_or_create(options.identity)
    registration = options.identity.with_suffix(".push")
    reachable = Peer(
        options.server, push_service=options.push_service, identity=identity, registration=registration
    )
    async with reachable as peer, asyncio.TaskGroup() as conversations:
        print("my address:", peer.address.text, flush=True)
        while True:
            with suppress(TimedOut):
                conversations.create_task(echo(await peer.accept(timeout=HOUR_S)))


async def echo(channel: Channel) -> None:
    """Greet, then say everything that is said, until the other hangs up, or what they said can't be sent."""
    with suppress(PeerError, ValueError):
        await channel.send("I am a bot, and say what you say.")
        async for value in channel:
            await channel.send(value)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
