"""Connections of Python peers through a real server, also when the world is less than perfect."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import rfc8785

from app.protocol.subscription import Subscription
from app.push.deadlines import PRODUCTION
from app.push.delivery import open_deliverer
from app.push.encrypt import PushRequest, encrypt
from app.push.endpoint_policy import TRUSTED
from app.push.outcome import Attempt, DeliveryStatus
from app.push.ssrf_guard import INTERNET
from app.push.vapid import VapidKey, VapidSigner
from tests.deployment import Deployment, PushServiceProcess, serving
from tests.people import Person, now_ms
from whisper_peer.errors import Reason, ServerRefused
from whisper_peer.peer import Peer

pytestmark = pytest.mark.anyio


class Peers:
    """Starter of peers, which end with the test."""

    def __init__(self, push_process: PushServiceProcess, stack: AsyncExitStack) -> None:
        self._push_service = push_process.websocket_url
        self._stack = stack

    async def start(self, at: Deployment, *, trickle: bool = False) -> Peer:
        """Start a peer that uses the server *at*."""
        peer = Peer(server=at.url, push_service=self._push_service, trickle=trickle)
        return await self._stack.enter_async_context(peer)


@pytest.fixture
async def peers(push_process: PushServiceProcess) -> AsyncIterator[Peers]:
    """Return what starts peers."""
    async with AsyncExitStack() as stack:
        yield Peers(push_process, stack)


async def talk(one: Peer, other: Peer) -> None:
    """Connect two peers, and let each hear the other."""
    channel = await one.dial(other.address)
    answered = await other.accept()
    await channel.send({"hello": ["from", 1]})
    await answered.send("and back")
    assert await answered.receive() == {"hello": ["from", 1]}
    assert await channel.receive() == "and back"


async def test_a_connection_takes_three_calls(
    peers: Peers, deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """Dial, offer, answer: candidates ride in the SDP."""
    alice, bob = await peers.start(deployment), await peers.start(deployment)

    await alice.dial(bob.address)
    await bob.accept()

    assert push_process.taken == 3
    assert (alice.calls_sent, bob.calls_sent) == (["update", "dial", "answer"], ["update", "offer"])


async def test_both_hear_each_other_until_one_closes(peers: Peers, deployment: Deployment) -> None:
    """Messages go both ways, and a close reaches the other."""
    alice, bob = await peers.start(deployment), await peers.start(deployment)
    channel = await alice.dial(bob.address)
    answered = await bob.accept()

    await channel.send("last words")
    await channel.close()

    assert [value async for value in answered] == ["last words"]
    assert channel.closed
    assert answered.closed


async def test_a_recipient_whose_subscription_is_gone_is_said_to_be(
    peers: Peers, deployment: Deployment
) -> None:
    """The first caller learns it, the next finds nobody, until the recipient registers again."""
    alice, bob = await peers.start(deployment), await peers.start(deployment)
    await bob.unsubscribe()

    with pytest.raises(ServerRefused) as gone:
        await alice.dial(bob.address)
    with pytest.raises(ServerRefused) as unknown:
        await alice.dial(bob.address)
    await bob.register()

    assert (gone.value.code, unknown.value.code) == ("recipient_gone", "unknown_recipient")
    await talk(alice, bob)


async def test_a_recipient_who_registers_anew_in_between_is_reached(
    peers: Peers, deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """Alice gets a new subscription while her dial is on its way; the offer finds her there."""
    alice, bob = await peers.start(deployment), await peers.start(deployment)
    push_process.script({"delay": 1})
    dialling = asyncio.create_task(alice.dial(bob.address))
    await asyncio.sleep(0.3)
    old = alice.subscription

    await alice.register(new=True)
    channel = await dialling

    assert alice.subscription != old
    assert not channel.closed


async def test_candidates_may_come_before_the_offer(peers: Peers, deployment: Deployment) -> None:
    """Pushes have no order: trickled candidates wait for the description that they belong to."""
    alice = await peers.start(deployment, trickle=True)
    bob = await peers.start(deployment, trickle=True)

    await talk(alice, bob)

    assert bob.calls_sent[:3] == ["update", "ice", "offer"]
    assert [call.message.method for call in alice.received][:2] == ["ice", "offer"]


async def test_peers_connect_again(peers: Peers, deployment: Deployment) -> None:
    """After a connection is closed, the other side may dial."""
    alice, bob = await peers.start(deployment), await peers.start(deployment)
    channel = await alice.dial(bob.address)
    await bob.accept()
    await channel.close()

    await talk(bob, alice)


async def test_two_who_dial_each_other_at_once_connect_once(peers: Peers, deployment: Deployment) -> None:
    """Glare is resolved by the order of the addresses."""
    alice, bob = await peers.start(deployment), await peers.start(deployment)

    one, other = await asyncio.gather(alice.dial(bob.address), bob.dial(alice.address))

    await one.send("hello")
    assert await other.receive() == "hello"


async def test_the_server_may_restart_between_dial_and_offer(
    peers: Peers, deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """It holds no state that matters: another instance takes the offer, a restarted one the answer."""
    with serving(replace(deployment, port=0)) as (server, restarting):
        alice, bob = await peers.start(restarting), await peers.start(deployment)
        push_process.script({"delay": 0}, {"delay": 4})
        dialling = asyncio.create_task(alice.dial(bob.address))
        while not push_process.log:
            await asyncio.sleep(0.05)

        assert await asyncio.to_thread(server.stop) == 0
    with serving(restarting):
        channel = await dialling
        await channel.send("still here")
        answered = await bob.accept()
        assert await answered.receive() == "still here"


def _another_key(call: dict[str, Any]) -> dict[str, Any]:
    return call | {"b": call["b"] | {"d": Person().encryption_key}}


def _another_sender(call: dict[str, Any]) -> dict[str, Any]:
    return call | {"b": call["b"] | {"a": Person().address.text}}


def _another_time(call: dict[str, Any]) -> dict[str, Any]:
    return call | {"b": call["b"] | {"b": now_ms() + 1}}


def _another_method(call: dict[str, Any]) -> dict[str, Any]:
    return call | {"a": "offer"}


@pytest.mark.parametrize(
    ("tampered", "reason"),
    [
        (_another_key, Reason.FORGED),
        (_another_sender, Reason.FORGED),
        (_another_time, Reason.FORGED),
        (_another_method, Reason.NOT_A_CALL),
    ],
)
async def test_a_tampered_relay_is_refused_by_the_peer(
    peers: Peers,
    deployment: Deployment,
    mallory: Person,
    tampered: Callable[[dict[str, Any]], dict[str, Any]],
    reason: Reason,
) -> None:
    """A server that changes what it relays is not believed."""
    alice = await peers.start(deployment)
    data = {"a": mallory.address.text, "b": now_ms(), "c": alice.address.text, "d": mallory.encryption_key}

    await push_as_the_server(deployment, alice, tampered(mallory.call("dial", data)))
    async with asyncio.timeout(5):
        while not alice.dropped:
            await asyncio.sleep(0.01)

    assert alice.dropped[0].reason is reason
    assert alice.calls_sent == ["update"]


async def push_as_the_server(deployment: Deployment, peer: Peer, call: dict[str, Any]) -> None:
    """Push *call* to *peer* with the server's own key, unchecked."""
    assert peer.subscription
    subscription = Subscription.model_validate(peer.subscription.as_data())
    vapid = VapidSigner(
        VapidKey.parse(deployment.env["WHISPER_VAPID_PRIVATE_KEY"]), "mailto:operator@example.org"
    )
    payload = json.dumps({"data": call | {"b": rfc8785.dumps(call["b"]).decode()}}).encode()
    origin, now = subscription.endpoint.origin, now_ms()
    token = vapid.token(origin, now).header
    fields = f"TTL: 60\r\nContent-Encoding: aes128gcm\r\nAuthorization: {token}\r\n"
    request = PushRequest(subscription.endpoint, TRUSTED, fields, encrypt(subscription.target, payload))
    deadline = asyncio.get_running_loop().time() + PRODUCTION.total_s
    async with open_deliverer(INTERNET, list[Attempt]().append, now_ms, PRODUCTION) as delivery:
        assert (await delivery.deliver(request, now, deadline)).delivery is DeliveryStatus.ACCEPTED
