"""Log of every POST."""

import time

import aiohttp
import pytest

from tests.push_service.log import MAX_ENTRIES, Log, Received
from tests.push_service.sender import Sender
from tests.push_service.service import PushService

pytestmark = pytest.mark.anyio


def entry(version: str) -> Received:
    """Make an entry."""
    return Received("token", {}, b"", 0, version)


async def test_what_was_accepted_and_what_was_refused_is_logged(
    service: PushService, sender: Sender, session: aiohttp.ClientSession
) -> None:
    """Oldest first, with lower-case header names, the size and what the receiver said."""
    subscription = service.subscribe()
    token = subscription.endpoint.rpartition("/")[2]
    now = time.time() * 1000
    await sender.push(subscription, b"hello", topic="first")
    await sender.push(subscription, b"hello", ttl=None)

    async with session.get(f"{service.origin}/log") as response:
        log = await response.json()

    assert [{**shown, "at": 0, "headers": {}} for shown in log] == [
        {"token": token, "status": 201, "headers": {}, "bytes": 108, "at": 0, "ack": 100},
        {"token": token, "status": 400, "headers": {}, "bytes": 108, "at": 0, "ack": None},
    ]
    assert (log[0]["headers"]["topic"], "ttl" in log[1]["headers"]) == ("first", False)
    assert now - 1000 < log[0]["at"] <= log[1]["at"] < now + 5000


async def test_the_log_can_be_cleared(
    service: PushService, sender: Sender, session: aiohttp.ClientSession
) -> None:
    """DELETE forgets everything."""
    await sender.push(service.subscribe())

    async with session.delete(f"{service.origin}/log") as response:
        assert response.status == 204

    assert service.received == []


async def test_a_header_sent_twice_is_logged_twice(
    service: PushService, session: aiohttp.ClientSession
) -> None:
    """Behind each other, as RFC 9110 section 5.3 has it."""
    async with session.post(service.subscribe().endpoint, headers=[("TTL", "1"), ("TTL", "2")]) as response:
        assert response.status == 401

    assert service.received[0].headers["ttl"] == "1, 2"


def test_the_log_has_an_end() -> None:
    """The oldest entries make room."""
    log = Log()

    for number in range(MAX_ENTRIES + 1):
        log.add(entry(str(number)))

    assert (len(log.entries), log.entries[0].version) == (MAX_ENTRIES, "1")


def test_an_ack_for_what_was_forgotten_is_nothing() -> None:
    """The log may have been cleared in between."""
    log = Log()

    log.acknowledged("gone", 100)

    assert log.entries == []
