"""Push client: a subscription as a browser has one, with a real push service and a real sender."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from aiohttp import ClientSession

from app.protocol.subscription import Subscription as Registered
from tests.push_service import PushService
from tests.push_service.sender import Sender
from whisper_peer.errors import PushServiceFailed
from whisper_peer.push_client import PushClient
from whisper_peer.push_subscription import Subscription

pytestmark = pytest.mark.anyio

SOON_S = 5


@dataclass
class Keys:
    """A subscription as a sender knows it."""

    endpoint: str
    p256dh: str
    auth: str


def keys_of(subscription: Subscription) -> Keys:
    """Return what a peer tells the server of its subscription."""
    data = subscription.as_data()
    return Keys(data["a"], data["c"]["a"], data["c"]["b"])


async def next_of(client: PushClient) -> bytes | None:
    """Return the next plaintext that a client gets."""
    async with asyncio.timeout(SOON_S):
        async for plaintext in client.messages():
            return plaintext
    raise AssertionError("messages never ends by itself")


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """Return an HTTP client."""
    async with ClientSession() as opened:
        yield opened


@pytest.fixture
async def client(session: ClientSession, push_service: PushService) -> AsyncIterator[PushClient]:
    """Return a browser that has said hello."""
    async with PushClient.connect(session, push_service.websocket_url) as connected:
        yield connected


@pytest.fixture
def sender(session: ClientSession) -> Sender:
    """Return an application server."""
    return Sender(session)


async def test_the_server_would_take_the_subscription(client: PushClient, sender: Sender) -> None:
    """It has the form that `update` asks for."""
    subscription = await client.subscribe(sender.key)

    assert Registered.model_validate(subscription.as_data()).keys.p256dh == subscription.p256dh


async def test_a_push_is_delivered(client: PushClient, sender: Sender) -> None:
    """From the application server to the peer, decrypted."""
    subscription = await client.subscribe(sender.key)

    await sender.push(keys_of(subscription), b"ring")

    assert await next_of(client) == b"ring"


async def test_a_delivered_push_is_acknowledged(
    client: PushClient, sender: Sender, push_service: PushService
) -> None:
    """The push service may forget it."""
    await sender.push(keys_of(await client.subscribe(sender.key)), b"ring")
    await next_of(client)

    await client.subscribe(sender.key)  # answered after the ack was read

    assert [entry.ack for entry in push_service.received] == [100]


async def test_an_undecryptable_push_is_said_to_be(
    client: PushClient, sender: Sender, push_service: PushService
) -> None:
    """To the push service by its code, to the peer as None."""
    subscription = await client.subscribe(sender.key)
    theirs = keys_of(Subscription.generate("another", ""))

    await sender.push(Keys(subscription.endpoint, theirs.p256dh, theirs.auth), b"ring")
    plaintext = await next_of(client)
    await client.subscribe(sender.key)

    assert plaintext is None
    assert [entry.ack for entry in push_service.received] == [101]


async def test_a_push_without_a_body_is_empty(client: PushClient, sender: Sender) -> None:
    """Nothing to decrypt, which is no fault."""
    subscription = await client.subscribe(sender.key)

    await sender.post(subscription.endpoint, b"", content_encoding=None)

    assert await next_of(client) == b""


async def test_pushes_keep_their_order(client: PushClient, sender: Sender) -> None:
    """As far as the push service keeps it."""
    subscription = keys_of(await client.subscribe(sender.key))
    for text in (b"1", b"2", b"3"):
        await sender.push(subscription, text)

    assert [await next_of(client) for _ in range(3)] == [b"1", b"2", b"3"]


async def test_only_the_subscribed_server_may_push(
    client: PushClient, sender: Sender, session: ClientSession
) -> None:
    """The endpoint belongs to one VAPID key."""
    subscription = await client.subscribe(sender.key)

    assert (await Sender(session).push(keys_of(subscription))).status == 403


async def test_after_unsubscribing_the_endpoint_is_gone(client: PushClient, sender: Sender) -> None:
    """The sender learns it at the next push."""
    subscription = await client.subscribe(sender.key)

    await client.unsubscribe(subscription)

    assert (await sender.push(keys_of(subscription))).status == 410


async def test_two_subscriptions_are_two(client: PushClient, sender: Sender) -> None:
    """Each with an endpoint and keys of its own."""
    one, other = await client.subscribe(sender.key), await client.subscribe(sender.key)

    assert not {one.endpoint, one.p256dh, one.auth} & {other.endpoint, other.p256dh, other.auth}


async def test_a_bad_vapid_key_is_refused(client: PushClient) -> None:
    """The push service hangs up on nonsense, and that is said."""
    with pytest.raises(PushServiceFailed):
        await client.subscribe("nonsense")


async def test_a_push_service_that_is_not_there_is_said_not_to_be(session: ClientSession) -> None:
    """The port is closed."""
    with pytest.raises(PushServiceFailed, match="cannot reach the push service"):
        async with PushClient.connect(session, "ws://127.0.0.1:9/"):
            pass


async def test_a_push_service_that_stops_is_noticed(session: ClientSession) -> None:
    """Whoever waits for a push is told that none will come."""
    async with AsyncExitStack() as life:
        service = await life.enter_async_context(PushService.running())
        async with PushClient.connect(session, service.websocket_url) as client:
            await life.aclose()

            with pytest.raises(PushServiceFailed, match="hung up"):
                await next_of(client)


async def test_leaving_leaves_nothing(session: ClientSession, push_service: PushService) -> None:
    """No task listens on when the peer has left."""
    before = asyncio.all_tasks()

    async with PushClient.connect(session, push_service.websocket_url):
        during = {task.get_name() for task in asyncio.all_tasks() - before}
    after = {task.get_name() for task in asyncio.all_tasks() - before}

    assert "push: listen" in during - after
