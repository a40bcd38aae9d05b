"""Compatibility with the public browser client, which spoke this protocol before this server did."""

import json
from base64 import b64encode
from typing import Any

import httpx
import pytest

from app.protocol.keys import Address, decode
from tests.people import Person, now_ms
from tests.push_service import PushService, Subscription
from tests.push_service.crypto.base64url import decode as decode_base64url

pytestmark = pytest.mark.anyio


def stringify(value: object) -> str:
    """Print JSON as `JSON.stringify` does: members in the order in which they were set."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


async def say(client: httpx.AsyncClient, person: Person, method: str, data: dict[str, Any]) -> dict[str, Any]:
    """Call as that client does: everything to one door, signed as it is printed."""
    call = {"a": method, "b": data, "c": person.sign(stringify(data).encode())}
    response = await client.post("/api/v1/call", content=stringify(call))
    answer: dict[str, Any] = response.json()
    return answer


async def subscribe(client: httpx.AsyncClient, person: Person, browser: Subscription) -> dict[str, Any]:
    """Register with keys in padded standard base64."""
    keys = {"a": _standard(browser.p256dh), "b": _standard(browser.auth)}
    subscription = {"a": browser.endpoint, "b": None, "c": keys}
    return await say(client, person, "update", {"a": person.address.text, "b": subscription})


def _standard(text: str) -> str:
    return b64encode(decode_base64url(text)).decode()


def receive(plaintext: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Do what its service worker and its page do; return the message and what was signed."""
    message = json.loads(plaintext)
    call = message["data"]
    data = json.loads(call["b"])
    Address.parse(data["a"]).verify(stringify(data), decode(call["c"]))
    return message, data


async def test_it_asks_the_time(client: httpx.AsyncClient, alice: Person) -> None:
    """An update without a subscription has no `b` at all."""
    answer = await say(client, alice, "update", {"a": alice.address.text})

    assert answer["ok"] is True
    assert abs(answer["timestamp"] - now_ms()) < 1000


async def test_it_rings(
    client: httpx.AsyncClient, alice: Person, bob: Person, push_service: PushService
) -> None:
    """Its worker shows what has a title, and its page verifies what it is handed."""
    browser = push_service.subscribe()
    assert (await subscribe(client, bob, browser))["ok"]

    dial = {"a": alice.address.text, "b": now_ms(), "c": bob.address.text, "d": alice.encryption_key}
    answer = await say(client, alice, "dial", dial)
    message, data = receive(await browser.next())

    assert answer["ok"]
    assert message["title"]
    assert message["data"]["a"] == "dial"
    assert data == dial


@pytest.mark.parametrize("direction", [1, 2])
async def test_its_candidates_arrive_unseen(
    client: httpx.AsyncClient, alice: Person, bob: Person, push_service: PushService, direction: int
) -> None:
    """What is handed to the page alone has no title."""
    browser = push_service.subscribe()
    await subscribe(client, bob, browser)

    ice = {"a": alice.address.text, "b": now_ms(), "c": bob.address.text, "d": alice.encryption_key}
    await say(client, alice, "ice", ice | {"e": "AQID", "f": direction})
    message, data = receive(await browser.next())

    assert "title" not in message
    assert data["f"] == direction


async def test_it_reads_why_it_was_refused(client: httpx.AsyncClient, alice: Person, bob: Person) -> None:
    """`ok`, `timestamp` and `reason` are in every answer."""
    data = {"a": alice.address.text, "b": 0, "c": bob.address.text, "d": alice.encryption_key}
    answer = await say(client, alice, "dial", data)

    assert answer["ok"] is False
    assert answer["reason"]
    assert answer["timestamp"]
