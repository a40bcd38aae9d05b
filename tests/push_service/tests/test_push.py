"""Answers to a POST, as real push services give them (RFC 8030)."""

import json

import aiohttp
import pytest

from tests.push_service.sender import Sender, seal
from tests.push_service.service import PushService

pytestmark = pytest.mark.anyio


async def test_a_sealed_message_is_accepted_and_opens(service: PushService, sender: Sender) -> None:
    """What pywebpush seals and py_vapid signs arrives as it was written."""
    subscription = service.subscribe(sender.key)

    answer = await sender.push(subscription, b"hello", ttl="60")

    assert (answer.status, answer.headers["TTL"]) == (201, "60")
    assert answer.headers["Location"].startswith(f"{service.origin}/message/")
    assert await subscription.next() == b"hello"


async def test_the_largest_message_is_accepted(service: PushService, sender: Sender) -> None:
    """3993 bytes of plaintext fill the 4096 bytes (RFC 8291 section 4)."""
    subscription = service.subscribe()

    answer = await sender.push(subscription, b"x" * 3993, topic="A-z_0" + "9" * 27, urgency="very-low")

    assert (answer.status, len(service.received[0].body)) == (201, 4096)
    assert await subscription.next() == b"x" * 3993


async def test_a_message_without_a_body_is_accepted(service: PushService, sender: Sender) -> None:
    """A push may say nothing but that there is something."""
    subscription = service.subscribe()

    answer = await sender.post(subscription.endpoint, b"", content_encoding=None)

    assert (answer.status, await subscription.next()) == (201, b"")


async def test_a_life_beyond_28_days_is_shortened(service: PushService, sender: Sender) -> None:
    """The TTL of the answer says how long the message really lives (RFC 8030 section 5.2)."""
    answer = await sender.push(service.subscribe(), ttl="9999999999")

    assert (answer.status, answer.headers["TTL"]) == (201, "2419200")


@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [
        (400, "bad_ttl", {"ttl": None}),
        *((400, "bad_ttl", {"ttl": ttl}) for ttl in ("", "-1", "1.5", "soon", "+1", "1, 2", "9" * 5000)),
        *((400, "bad_urgency", {"urgency": urgency}) for urgency in ("", "highest", "High")),
        *((400, "bad_topic", {"topic": topic}) for topic in ("", "x" * 33, "a+b", "a b")),
        *((415, "bad_encoding", {"content_encoding": encoding}) for encoding in (None, "aesgcm", "gzip")),
        *((401, "no_authorization", {"authorization": header}) for header in (None, "", "Bearer x")),
    ],
)
async def test_a_message_with_a_bad_header_is_refused(
    status: int, code: str, headers: dict[str, str | None], service: PushService, sender: Sender
) -> None:
    """With the status of real push services and a word for programs, and it is not delivered."""
    subscription = service.subscribe()

    answer = await sender.push(subscription, **headers)

    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)
    assert subscription.decrypted == []


@pytest.mark.parametrize(
    ("status", "code", "body"),
    [
        (413, "too_large", bytes(4097)),
        (413, "too_large", bytes(1_000_000)),
        (400, "bad_body", b"plain text"),
        (400, "bad_body", bytes(20) + b"\x41\x04" + bytes(63)),
        (400, "bad_body", bytes(20) + b"\x00" + bytes(200)),
        (400, "bad_body", bytes(20) + b"\x41\x02" + bytes(200)),
    ],
)
async def test_a_body_that_is_no_sealed_message_is_refused(
    status: int, code: str, body: bytes, service: PushService, sender: Sender
) -> None:
    """It must fit 4096 bytes and start with salt, record size and the sender's key."""
    subscription = service.subscribe()

    answer = await sender.post(subscription.endpoint, body)

    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("code", "claims"),
    [
        ("wrong_audience", {"aud": "https://push.example.net"}),
        ("expired", {"exp": 1}),
        ("bad_contact", {"sub": "me"}),
    ],
)
async def test_a_message_with_a_false_token_is_refused(
    code: str, claims: dict[str, object], service: PushService, sender: Sender
) -> None:
    """What the token claims must be true here and now."""
    subscription = service.subscribe()
    authorization = sender.authorization(subscription.endpoint, **claims)

    answer = await sender.push(subscription, authorization=authorization)

    assert (answer.status, json.loads(answer.body)["code"]) == (401, code)


async def test_a_stranger_may_not_send(
    service: PushService, sender: Sender, session: aiohttp.ClientSession
) -> None:
    """A subscription made for one application server is closed to every other."""
    subscription = service.subscribe(sender.key)

    answer = await Sender(session).push(subscription)

    assert (answer.status, json.loads(answer.body)["code"]) == (403, "wrong_key")


async def test_an_endpoint_that_never_was_is_not_found(service: PushService, sender: Sender) -> None:
    """404: forget it."""
    body = seal(service.subscribe(), b"hello")

    answer = await sender.post(f"{service.origin}/push/nobody", body)

    assert (answer.status, json.loads(answer.body)["code"]) == (404, "unknown_endpoint")


async def test_an_endpoint_that_was_unsubscribed_is_gone(service: PushService, sender: Sender) -> None:
    """410: forget it, even if it is unsubscribed twice."""
    subscription = service.subscribe()
    subscription.unsubscribe()
    subscription.unsubscribe()

    answer = await sender.push(subscription)

    assert (answer.status, json.loads(answer.body)["code"]) == (410, "gone")


async def test_a_message_for_another_receiver_is_accepted_and_does_not_open(
    service: PushService, sender: Sender
) -> None:
    """A push service can't look inside; the receiver acknowledges with 101."""
    subscription, other = service.subscribe(), service.subscribe()

    answer = await sender.post(subscription.endpoint, seal(other, b"hello"))

    assert (answer.status, service.received[0].ack, subscription.decrypted) == (201, 101, [])
