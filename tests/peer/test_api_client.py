"""HTTP client of the peer: calls as the server gets them, and the server's answers."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from app.protocol.envelope import Call, read_call
from app.protocol.messages import METHODS, Dial, Message, Update
from tests.peer.people import Person
from tests.people import now_ms
from whisper_peer.api_client import MAX_ANSWER_BYTES, ApiClient, Clock
from whisper_peer.errors import ServerRefused, ServerUnreachable
from whisper_peer.identity import Identity

pytestmark = pytest.mark.anyio

HOUR_MS = 3_600_000
CONFIG = {
    "vapid_public_key": "BPublic",
    "ice_servers": [
        {"urls": ["stun:stun.example.org"]},
        {"urls": ["turn:turn.example.org"], "username": "1760000000:x", "credential": "secret"},
    ],
}


class ServerStub:
    """HTTP server that gives prepared answers, and keeps its requests."""

    def __init__(self) -> None:
        self.url = ""
        self.ahead = 0
        self.answers: list[tuple[int, bytes]] = []
        self.bodies: list[bytes] = []
        self.paths: list[str] = []

    @property
    def now(self) -> int:
        """Its time, which may be far from ours."""
        return now_ms() + self.ahead

    def says(self, status: int = 200, /, **members: object) -> None:
        """Prepare an answer of a Whisper server."""
        self.answers.append(
            (status, json.dumps({"ok": status == 200, "timestamp": self.now, **members}).encode())
        )

    def refuses(self, status: int, code: str) -> None:
        """Prepare a refusal."""
        self.says(status, code=code, reason="A reason.", errors=[])

    async def take(self, request: web.Request) -> web.Response:
        """Give the next answer."""
        self.paths.append(request.path)
        self.bodies.append(await request.read())
        status, body = self.answers.pop(0)
        return web.Response(status=status, body=body)

    def call(self, kind: type[Message], number: int = 0) -> Call[Message]:
        """Return a call as a real server would open it."""
        return read_call(self.bodies[number], kind, now=self.now, window=5000).verify()


@pytest.fixture
async def stub() -> AsyncIterator[ServerStub]:
    """Return a server that listens."""
    stub = ServerStub()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", stub.take)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield stub
    finally:
        await runner.cleanup()


@pytest.fixture
async def server(stub: ServerStub, alice: Person) -> AsyncIterator[ApiClient]:
    """Return the server as Alice sees it."""
    async with ClientSession() as session:
        yield ApiClient(session, stub.url, Identity(alice.key))


async def test_a_dial_is_a_call_that_the_server_takes(
    stub: ServerStub, server: ApiClient, alice: Person, bob: Person
) -> None:
    """Signed, fresh and whole, on the path of its method."""
    stub.says()

    await server.relay("dial", bob.address, bob.encryption_key)

    dial = stub.call(Dial).message
    assert stub.paths == ["/dial"]
    assert isinstance(dial, Dial)
    assert (dial.sender.text, dial.recipient.text) == (alice.address.text, bob.address.text)


async def test_to_be_forgotten_is_a_null(stub: ServerStub, server: ApiClient) -> None:
    """Which needs a timestamp."""
    stub.says()

    await server.update(None)

    update = stub.call(Update).message
    assert isinstance(update, Update)
    assert update.forgets


async def test_calls_that_were_taken_are_remembered(stub: ServerStub, server: ApiClient, bob: Person) -> None:
    """And those that were not, not."""
    stub.says()
    stub.refuses(404, "unknown_recipient")
    await server.relay("dial", bob.address, bob.encryption_key)
    with pytest.raises(ServerRefused):
        await server.relay("close", bob.address)

    assert server.sent == ["dial"]


async def test_a_refusal_has_code_reason_and_status(stub: ServerStub, server: ApiClient, bob: Person) -> None:
    """Everything that a program and a person need."""
    stub.refuses(404, "unknown_recipient")

    with pytest.raises(ServerRefused) as refused:
        await server.relay("close", bob.address)

    assert (refused.value.code, refused.value.reason, refused.value.status) == (
        "unknown_recipient",
        "A reason.",
        404,
    )
    assert str(refused.value) == "unknown_recipient: A reason."


async def test_a_wrong_clock_is_set_and_the_call_signed_anew(
    stub: ServerStub, server: ApiClient, bob: Person
) -> None:
    """The refusal tells the server's time; the second call has it."""
    stub.ahead = HOUR_MS
    stub.refuses(409, "stale_timestamp")
    stub.says()

    await server.relay("close", bob.address)

    assert stub.call(METHODS["close"], number=1).message.method == "close"


async def test_a_clock_that_is_ahead_is_set_back(stub: ServerStub, server: ApiClient, bob: Person) -> None:
    """Timestamps only grow, except when the server says that they are wrong."""
    stub.ahead = -HOUR_MS
    stub.refuses(409, "stale_timestamp")
    stub.says()

    await server.relay("close", bob.address)

    assert stub.call(METHODS["close"], number=1).message.method == "close"


async def test_a_clock_that_stays_wrong_is_said_to_be(
    stub: ServerStub, server: ApiClient, bob: Person
) -> None:
    """It is tried twice, not for ever."""
    stub.refuses(409, "stale_timestamp")
    stub.refuses(409, "stale_timestamp")

    with pytest.raises(ServerRefused):
        await server.relay("close", bob.address)

    assert len(stub.bodies) == 2


async def test_another_refusal_is_final(stub: ServerStub, server: ApiClient, bob: Person) -> None:
    """Trying again is for the person to decide."""
    stub.refuses(503, "push_busy")

    with pytest.raises(ServerRefused):
        await server.relay("close", bob.address)

    assert len(stub.bodies) == 1


async def test_the_configuration_is_read(stub: ServerStub, server: ApiClient) -> None:
    """The VAPID key, and ICE servers with their credentials."""
    stub.says(**CONFIG)

    config = await server.config()

    stun, turn = config.ice_servers
    assert config.vapid_public_key == "BPublic"
    assert (stun.urls, stun.credential) == (["stun:stun.example.org"], None)
    assert (turn.username, turn.credential) == ("1760000000:x", "secret")


async def test_turn_credentials_come_with_a_signed_update(stub: ServerStub, server: ApiClient) -> None:
    """Only where the configuration says that there are some."""
    stub.says(**CONFIG, turn=True)
    stub.says(ice_servers=CONFIG["ice_servers"])

    _, turn = await server.ice_servers()

    assert (turn.username, turn.credential) == ("1760000000:x", "secret")
    assert json.loads(stub.bodies[-1])["b"].keys() == {"a", "c"}


async def test_the_configuration_sets_the_clock(stub: ServerStub, server: ApiClient) -> None:
    """So that the first call is in time."""
    stub.ahead = HOUR_MS
    stub.says(**CONFIG)

    await server.config()

    assert abs(server.clock.now() - stub.now) < 1000


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b"[]", b"{}", b'{"timestamp":1}', b'{"timestamp":"x","ok":true}', b"\xff"],
)
async def test_what_is_no_whisper_server_is_said_to_be_none(
    stub: ServerStub, server: ApiClient, body: bytes
) -> None:
    """A wrong address is a mistake that is made easily."""
    stub.answers.append((200, body))

    with pytest.raises(ServerUnreachable, match="is no Whisper server"):
        await server.update(None)


async def test_a_configuration_without_a_key_is_none(stub: ServerStub, server: ApiClient) -> None:
    """Nothing could be subscribed with it."""
    stub.says(ice_servers=[])

    with pytest.raises(ServerUnreachable, match="tells no configuration"):
        await server.config()


async def test_an_endless_answer_is_not_read(stub: ServerStub, server: ApiClient) -> None:
    """An answer is small."""
    stub.answers.append((200, b" " * (MAX_ANSWER_BYTES + 1)))

    with pytest.raises(ServerUnreachable, match="more than 65536 bytes"):
        await server.update(None)


async def test_a_server_that_is_not_there_is_said_not_to_be(alice: Person) -> None:
    """The port is closed."""
    async with ClientSession() as session:
        server = ApiClient(session, "http://127.0.0.1:9", Identity(alice.key))

        with pytest.raises(ServerUnreachable, match="cannot reach the server"):
            await server.update(None)


def test_timestamps_only_grow() -> None:
    """Two calls in one millisecond are still one after the other."""
    clock = Clock()

    stamps = [clock.stamp() for _ in range(100)]

    assert stamps == sorted(set(stamps))
