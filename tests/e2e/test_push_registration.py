"""Push registration of a Python peer, which outlives the program and the connection to the push service."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deployment import Deployment, PushServiceProcess
from whisper_peer import Identity, Peer

pytestmark = pytest.mark.anyio

PATIENCE_S = 10


class Relay:
    """TCP relay to a push service, whose connections can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection both ways."""
        answers, questions = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, questions}
        await asyncio.gather(_forward(reader, questions), _forward(answers, writer))

    def cut(self) -> None:
        """End every connection."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
    writer.close()


@dataclass
class Environment:
    """Servers and folder with which peers are started."""

    server: str
    push_service: str

    def peer(self, identity: Identity, registration: Path | None = None, push_service: str = "") -> Peer:
        """Make a peer."""
        where = push_service or self.push_service
        return Peer(self.server, push_service=where, identity=identity, registration=registration)


@pytest.fixture
def environment(deployment: Deployment, push_process: PushServiceProcess) -> Environment:
    """Return the server and the push service."""
    return Environment(deployment.url, push_process.websocket_url)


@pytest.fixture
async def relay(push_process: PushServiceProcess) -> AsyncIterator[Relay]:
    """Run a relay to the push service."""
    port = int(push_process.websocket_url.rstrip("/").rpartition(":")[2])
    found = Relay(port)
    async with await asyncio.start_server(found.serve, "127.0.0.1") as server:
        found.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield found
        found.cut()


async def talk(one: Peer, other: Peer) -> None:
    """Let *one* dial *other*, and say something."""
    channel = await one.dial(other.address.text)
    answered = await other.accept()
    await channel.send("hello")
    assert await answered.receive() == "hello"


async def test_who_is_started_again_has_the_same_subscription(
    environment: Environment, tmp_path: Path
) -> None:
    """A call that came meanwhile is received, and nobody but its owner can read the file."""
    file = tmp_path / "bob.push"
    bob, alice = Identity.new(), Identity.new()
    async with environment.peer(bob, file) as before:
        endpoint = before.subscription and before.subscription.endpoint
    async with environment.peer(alice) as caller:
        dialling = asyncio.create_task(caller.dial(bob.address))
        await asyncio.sleep(0.5)

        async with environment.peer(bob, file) as again:
            answered = await again.accept()
            await (await dialling).send("you were away")
            heard = await answered.receive()

            assert again.subscription
            assert (again.subscription.endpoint, heard) == (endpoint, "you were away")
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_second_program_is_another_device(environment: Environment, tmp_path: Path) -> None:
    """Two with one registration would take it from each other."""
    file = tmp_path / "bob.push"
    bob = Identity.new()
    async with environment.peer(bob, file) as one, environment.peer(bob, file) as other:
        assert one.subscription
        assert other.subscription
        assert one.subscription.endpoint != other.subscription.endpoint


async def test_a_push_service_that_has_forgotten_us_gives_another(
    environment: Environment, tmp_path: Path
) -> None:
    """The name in the file is one that it does not know."""
    file = tmp_path / "bob.push"
    async with environment.peer(Identity.new(), file) as before:
        endpoint = before.subscription and before.subscription.endpoint
    kept = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(kept | {"uaid": "00" * 16}), encoding="utf-8")

    async with environment.peer(Identity.new(), file) as again, environment.peer(Identity.new()) as alice:
        await talk(alice, again)

        assert again.subscription
        assert again.subscription.endpoint != endpoint


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"push_service": 1}'])
async def test_a_damaged_file_counts_as_none(environment: Environment, tmp_path: Path, damage: str) -> None:
    """A subscription is easily made anew."""
    file = tmp_path / "bob.push"
    file.write_text(damage, encoding="utf-8")

    async with environment.peer(Identity.new(), file) as peer:
        assert peer.subscription


async def test_a_lost_push_service_is_asked_again(environment: Environment, relay: Relay) -> None:
    """Calls arrive as before, without another registration."""
    async with AsyncExitStack() as stack:
        bob = await stack.enter_async_context(environment.peer(Identity.new(), push_service=relay.url))
        alice = await stack.enter_async_context(environment.peer(Identity.new()))
        endpoint = bob.subscription and bob.subscription.endpoint

        relay.cut()
        await talk(alice, bob)

        assert bob.subscription
        assert (bob.subscription.endpoint, bob.calls_sent.count("update")) == (endpoint, 1)
