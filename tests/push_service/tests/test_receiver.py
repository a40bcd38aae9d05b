"""Receiver inside the test, which takes each message once."""

import asyncio

import pytest

from tests.push_service.sender import Sender
from tests.push_service.service import PushService

pytestmark = pytest.mark.anyio


async def test_messages_are_taken_in_order(service: PushService, sender: Sender) -> None:
    """Each call of next takes one, and all of them stay to look at."""
    subscription = service.subscribe()
    for text in (b"one", b"two"):
        await sender.push(subscription, text)

    taken = [await subscription.next(), await subscription.next()]

    assert taken == subscription.decrypted == [b"one", b"two"]


async def test_a_message_may_come_later(service: PushService, sender: Sender) -> None:
    """Who waits is woken."""
    subscription = service.subscribe()
    waiting = asyncio.create_task(subscription.next())
    await asyncio.sleep(0)

    await sender.push(subscription, b"at last")

    assert await waiting == b"at last"


async def test_waiting_ends(service: PushService) -> None:
    """When nothing comes, next raises instead of hanging."""
    subscription = service.subscribe()

    with pytest.raises(TimeoutError):
        await subscription.next(timeout=0.01)


async def test_nothing_is_lost_when_waiting_ended(service: PushService, sender: Sender) -> None:
    """The next one to wait takes what comes."""
    subscription = service.subscribe()
    with pytest.raises(TimeoutError):
        await subscription.next(timeout=0.01)

    await sender.push(subscription, b"late")

    assert await subscription.next() == b"late"


async def test_a_subscription_is_for_a_real_key_only(service: PushService) -> None:
    """As `PushManager.subscribe()` does, it refuses what is no key."""
    with pytest.raises(ValueError, match="base64"):
        service.subscribe("not a key")
