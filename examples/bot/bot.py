"""A bot that answers every call, says what it is told, and plays a sound to those who speak."""

import argparse
import asyncio
import math
import wave
from array import array
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from whisper_peer import Channel, Identity, Peer, PeerError, TimedOut

HOUR_S = 3600
RATE = 48_000  # samples a second
NOTES_HZ = (523, 659, 784)


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
                channel = await peer.accept(timeout=HOUR_S)
                conversations.create_task(echo(channel))
                conversations.create_task(sing(channel))


async def echo(channel: Channel) -> None:
    """Greet, then say everything that is said, until the other hangs up, or what they said can't be sent."""
    with suppress(PeerError, ValueError):
        await channel.send("I am a bot, and say what you say.")
        async for value in channel:
            await channel.send(value)


async def sing(channel: Channel) -> None:
    """Play the chime when the other's sound begins: when they have called by voice, or turned it on."""
    with suppress(PeerError):
        async for track in channel.media:
            if track.kind == "audio":
                await channel.media.play(chime())


def chime() -> BytesIO:
    """Return three notes, as a WAV file."""
    samples = array("h")
    for note in NOTES_HZ:
        for at in range(RATE // 2):
            samples.append(int(12_000 * (1 - 2 * at / RATE) * math.sin(math.tau * note * at / RATE)))
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.tobytes())
    file.seek(0)
    return file


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
