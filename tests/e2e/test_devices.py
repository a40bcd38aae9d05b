"""Several devices of one person, through a real server: all ring, one answers, the others fall silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from tests.deployment import Deployment, PushServiceProcess
from whisper_peer import CallEnd, Identity, IncomingCall, Peer

pytestmark = pytest.mark.anyio

DEVICES = 3


@dataclass
class RingingDevice:
    """Device that rings, and its calls."""

    peer: Peer
    rung: asyncio.Queue[IncomingCall] = field(default_factory=asyncio.Queue)

    async def ring(self, call: IncomingCall) -> None:
        """Let it ring."""
        self.rung.put_nowait(call)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Yield what ends with the test."""
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def alice(deployment: Deployment, push_process: PushServiceProcess, stack: AsyncExitStack) -> Peer:
    """Return somebody who calls, on one device."""
    return await stack.enter_async_context(
        Peer(server=deployment.url, push_service=push_process.websocket_url)
    )


@pytest.fixture
async def phones(
    deployment: Deployment, push_process: PushServiceProcess, stack: AsyncExitStack
) -> list[RingingDevice]:
    """Return Bob's devices."""
    identity, phones = Identity.new(), []
    for _ in range(DEVICES):
        peer = Peer(server=deployment.url, push_service=push_process.websocket_url, identity=identity)
        phone = RingingDevice(await stack.enter_async_context(peer))
        phone.peer.on_call(phone.ring)
        phones.append(phone)
    return phones


async def test_one_answers_and_the_others_fall_silent(
    alice: Peer, phones: list[RingingDevice], push_process: PushServiceProcess
) -> None:
    """N pushes ring, one carries the offer, one the answer, n - 1 silence; nobody has missed a call."""
    dialling = asyncio.create_task(alice.dial(phones[0].peer.address))
    calls = [await asyncio.wait_for(phone.rung.get(), 5) for phone in phones]

    answered = await calls[1].accept()
    ended = [await asyncio.wait_for(calls[at].ended, 5) for at in (0, 2)]
    channel = await dialling
    await channel.send("hello")

    assert await answered.receive() == "hello"
    assert ended == [CallEnd.ANSWERED_ELSEWHERE] * 2
    assert push_process.taken == DEVICES + 1 + 1 + (DEVICES - 1)
    assert [len(phone.peer.received) for phone in phones] == [2, 2, 2]  # the dial, and its answer or its end


async def test_two_that_answer_at_once_end_well(
    alice: Peer, phones: list[RingingDevice], push_process: PushServiceProcess
) -> None:
    """The caller takes one; the other falls silent, and the third as well."""
    dialling = asyncio.create_task(alice.dial(phones[0].peer.address))
    calls = [await asyncio.wait_for(phone.rung.get(), 5) for phone in phones]

    answers = [asyncio.create_task(call.accept()) for call in calls[:2]]
    channel = await dialling
    ended = await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), 5)

    assert sorted(type(each).__name__ for each in ended) == ["AnsweredElsewhere", "Channel"]
    assert await asyncio.wait_for(calls[2].ended, 5) is CallEnd.ANSWERED_ELSEWHERE
    assert not channel.closed
    assert push_process.taken == DEVICES + 2 + 1 + 2 * (DEVICES - 1) + 1


async def test_who_is_called_back_is_called_where_they_are(
    alice: Peer, phones: list[RingingDevice], push_process: PushServiceProcess
) -> None:
    """A person with several devices dials from one: offer and answer go to that one alone."""
    channel = await phones[2].peer.dial(alice.address)
    await alice.accept()

    assert not channel.closed
    assert push_process.taken == 3


async def test_a_device_that_declines_declines_for_all(alice: Peer, phones: list[RingingDevice]) -> None:
    """The caller is told at once."""
    dialling = asyncio.create_task(alice.dial(phones[0].peer.address))
    calls = [await asyncio.wait_for(phone.rung.get(), 5) for phone in phones]

    await calls[0].decline()
    ended = [await asyncio.wait_for(call.ended, 5) for call in calls]

    assert ended == [CallEnd.DECLINED, CallEnd.ANSWERED_ELSEWHERE, CallEnd.ANSWERED_ELSEWHERE]
    with pytest.raises(Exception, match="they closed"):
        await dialling
