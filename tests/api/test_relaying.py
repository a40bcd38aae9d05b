"""Relaying of calls: the pushes that reach a recipient, and the answers to the caller."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.engine import URL

from app.protocol.constants import MAX_PLAINTEXT_BYTES
from app.push.vapid import VapidKey
from app.settings import Settings
from app.store.database import Database
from tests.api.conftest import Registered, post, register
from tests.conftest import Clock, serving
from tests.databases import locked
from tests.people import Person, now_ms
from tests.push_service import PushService
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio

RELAYED = ["dial", "offer", "answer", "ice", "close"]


@pytest.mark.parametrize("method", RELAYED)
@pytest.mark.parametrize("door", [None, "/api/v1/call"], ids=["its own door", "the common door"])
async def test_a_call_reaches_its_recipient(
    client: httpx.AsyncClient, registered: Registered, alice: Person, method: str, door: str | None
) -> None:
    """What the sender signed arrives, byte for byte, with method and signature."""
    call = alice.to(method, registered.person)

    response = await post(client, call, door)

    assert (response.status_code, response.json()["ok"]) == (200, True)
    (message,) = registered.pushed
    assert message["data"] == {"a": method, "b": json.dumps(call["b"], separators=(",", ":")), "c": call["c"]}


@pytest.mark.parametrize("method", RELAYED)
async def test_only_a_dial_is_shown(
    client: httpx.AsyncClient, registered: Registered, alice: Person, method: str
) -> None:
    """A service worker shows a notification when there is a title: for a dial, and for nothing else."""
    await post(client, alice.to(method, registered.person))

    shown = registered.pushed[0].keys() - {"data"}
    assert shown == ({"title", "body", "tag"} if method == "dial" else set())


async def test_a_second_dial_replaces_the_first_notification(
    client: httpx.AsyncClient, registered: Registered, alice: Person, mallory: Person
) -> None:
    """The tag is the same for the same two people, another for others, and names neither."""
    for caller in (alice, alice, mallory):
        await post(client, caller.to("dial", registered.person, b=now_ms() + len(registered.pushed)))

    first, second, other = [message["tag"] for message in registered.pushed]
    assert first == second != other
    assert alice.address.text[:8] not in first


@pytest.mark.parametrize(
    ("method", "ttl", "urgency"),
    [
        ("dial", "60", "high"),
        ("offer", "60", "normal"),
        ("answer", "60", "normal"),
        ("close", "60", "normal"),
        ("ice", "30", "normal"),
    ],
)
async def test_a_push_says_how_long_and_how_urgent(
    client: httpx.AsyncClient,
    registered: Registered,
    alice: Person,
    push_service: PushService,
    method: str,
    ttl: str,
    urgency: str,
) -> None:
    """The headers are those of the protocol's table, and there is no Topic."""
    await post(client, alice.to(method, registered.person))

    headers = push_service.received[0].headers
    assert (headers["ttl"], headers["urgency"], "topic" in headers) == (ttl, urgency, False)


async def test_a_forged_offer_is_refused(
    client: httpx.AsyncClient, registered: Registered, alice: Person, mallory: Person
) -> None:
    """An offer signed by anyone but its sender never reaches the recipient."""
    forged = alice.to("offer", registered.person) | {"c": mallory.to("offer", registered.person)["c"]}

    response = await post(client, forged)

    assert (response.status_code, response.json()["code"]) == (401, "bad_signature")
    assert registered.pushed == []


async def test_a_call_to_a_stranger_is_refused(
    client: httpx.AsyncClient, alice: Person, bob: Person, push_service: PushService
) -> None:
    """Nobody who is not registered can be reached."""
    response = await post(client, alice.to("dial", bob))

    assert (response.status_code, response.json()["code"]) == (404, "unknown_recipient")
    assert push_service.received == []


async def test_a_call_out_of_time_is_refused_with_the_time(
    client: httpx.AsyncClient, registered: Registered, alice: Person, clock: Clock
) -> None:
    """A client can set its clock by the refusal, and then gets through."""
    clock.ahead = 60_000
    refused = await post(client, alice.to("dial", registered.person))
    accepted = await post(client, alice.to("dial", registered.person, b=refused.json()["timestamp"]))

    assert (refused.status_code, refused.json()["code"]) == (409, "stale_timestamp")
    assert accepted.status_code == 200


async def test_an_expired_recipient_is_unknown(
    client: httpx.AsyncClient, alice: Person, bob: Person, push_service: PushService, clock: Clock
) -> None:
    """Nothing is sent to a subscription after its browser's expiration."""
    browser = push_service.subscribe()
    subscription = subscription_json(browser.endpoint, browser.p256dh, browser.auth)
    await post(client, bob.update(subscription | {"b": now_ms() + 5_000}))
    clock.ahead = 5_001

    response = await post(client, alice.to("dial", bob, b=clock()))

    assert (response.status_code, browser.decrypted) == (404, [])


async def test_the_forgotten_can_not_be_reached(
    client: httpx.AsyncClient, registered: Registered, alice: Person
) -> None:
    """After `"b": null` a recipient is unknown."""
    await post(client, registered.person.update(None, sent_at=now_ms()))

    response = await post(client, alice.to("dial", registered.person))

    assert (response.status_code, registered.pushed) == (404, [])


async def test_who_registers_another_browser_is_reached_on_both(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService
) -> None:
    """Neither takes the other's calls."""
    newer = await register(client, registered.person, push_service.subscribe())

    await post(client, alice.to("dial", registered.person))

    assert (len(registered.pushed), len(newer.pushed)) == (1, 1)


async def test_asking_the_time_stores_nothing(
    client: httpx.AsyncClient, alice: Person, database: Database
) -> None:
    """An update without a subscription tells the time, and that is all."""
    before = now_ms()
    response = await post(client, alice.update())

    assert before <= response.json()["timestamp"] <= now_ms()
    assert await database.fetch(text("SELECT 1 FROM subscription WHERE endpoint IS NOT NULL")) == []


async def test_a_replayed_registration_is_refused(
    client: httpx.AsyncClient, bob: Person, push_service: PushService
) -> None:
    """An older update cannot undo a newer one."""
    browser, newer_keys = push_service.subscribe(), push_service.subscribe()
    recorded = bob.update(
        subscription_json(browser.endpoint, browser.p256dh, browser.auth), sent_at=now_ms() - 10
    )
    newer = bob.update(subscription_json(browser.endpoint, newer_keys.p256dh, browser.auth), sent_at=now_ms())
    await post(client, recorded)
    await post(client, newer)

    response = await post(client, recorded)

    assert (response.status_code, response.json()["code"]) == (409, "stale_update")


async def test_an_endpoint_elsewhere_is_refused(
    client: httpx.AsyncClient, alice: Person, database: Database
) -> None:
    """A server that is used to reach the browsers' push services sends to no other host."""
    response = await post(client, alice.update(subscription_json("https://evil.example.org/x")))

    assert (response.status_code, response.json()["code"]) == (403, "endpoint_not_allowed")
    assert await database.fetch(text("SELECT 1 FROM subscription WHERE endpoint IS NOT NULL")) == []


async def test_the_same_call_again_is_answered_without_a_second_push(
    client: httpx.AsyncClient, registered: Registered, alice: Person
) -> None:
    """An honest retry does not ring twice."""
    call = alice.to("dial", registered.person)
    responses = await asyncio.gather(*(post(client, call) for _ in range(5)))

    assert [response.status_code for response in responses] == [200] * 5
    assert len(registered.pushed) == 1


async def test_the_same_text_as_another_method_is_refused(
    client: httpx.AsyncClient, registered: Registered, alice: Person
) -> None:
    """The method is not signed, so what was an offer cannot become an answer."""
    offer = alice.to("offer", registered.person)
    await post(client, offer)

    response = await post(client, offer | {"a": "answer"})

    assert (response.status_code, response.json()["code"]) == (409, "replayed")
    assert len(registered.pushed) == 1


async def test_a_call_that_failed_may_be_tried_again(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService
) -> None:
    """Only what was relayed is remembered."""
    push_service.script([{"status": 400}])
    call = alice.to("dial", registered.person)

    first, second = await post(client, call), await post(client, call)

    assert (first.status_code, second.status_code) == (502, 200)
    assert len(registered.pushed) == 1


def _payload(characters: int) -> str:
    return "A" * characters


async def test_the_largest_call_that_fits_goes_through(
    client: httpx.AsyncClient, registered: Registered, alice: Person
) -> None:
    """A push message takes 3993 bytes, and all of them can be used."""
    empty = len(
        json.dumps({"data": _data(alice.to("offer", registered.person, e=""))}, separators=(",", ":"))
    )
    room = (MAX_PLAINTEXT_BYTES - empty) // 4 * 4

    fits = await post(client, alice.to("offer", registered.person, e=_payload(room)))
    too_large = await post(client, alice.to("offer", registered.person, e=_payload(room + 4)))

    assert (fits.status_code, too_large.status_code) == (200, 413)
    over = empty + room + 4 - MAX_PLAINTEXT_BYTES
    assert f"{over} bytes" in too_large.json()["reason"]
    assert len(registered.pushed) == 1


def _data(call: dict[str, Any]) -> dict[str, Any]:
    return call | {"b": json.dumps(call["b"], separators=(",", ":"))}


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_is_forgotten(
    client: httpx.AsyncClient,
    registered: Registered,
    alice: Person,
    push_service: PushService,
    database: Database,
    status: int,
) -> None:
    """The caller learns it, and the row is deleted."""
    push_service.script([{"status": status}])

    response = await post(client, alice.to("dial", registered.person))

    assert (response.status_code, response.json()["code"]) == (404, "recipient_gone")
    assert await database.fetch(text("SELECT 1 FROM subscription WHERE endpoint IS NOT NULL")) == []


async def test_a_subscription_that_is_gone_is_not_taken_again(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService
) -> None:
    """The client learns to subscribe anew, which is taken."""
    browser = registered.browser
    push_service.script([{"status": 410}])
    await post(client, alice.to("dial", registered.person))

    dead = subscription_json(browser.endpoint, browser.p256dh, browser.auth)
    again = await post(client, registered.person.update(dead, sent_at=now_ms()))
    anew = await register(client, registered.person, push_service.subscribe())
    reached = await post(client, alice.to("dial", registered.person, b=now_ms() + 1))

    assert (again.status_code, again.json()["code"]) == (410, "subscription_gone")
    assert (reached.status_code, len(anew.pushed)) == (200, 1)


async def test_who_registers_while_their_old_subscription_is_found_gone_stays(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService
) -> None:
    """Only the row that was used is deleted."""
    push_service.script([{"delay": 0.3, "status": 410}])
    dialling = asyncio.create_task(post(client, alice.to("dial", registered.person)))
    await asyncio.sleep(0.1)
    newer = await register(client, registered.person, push_service.subscribe())
    gone = await dialling

    again = await post(client, alice.to("dial", registered.person, b=now_ms() + 1))

    assert (gone.status_code, again.status_code, len(newer.pushed)) == (404, 200, 1)


@pytest.mark.parametrize(
    ("answer", "status", "code", "retry_after"),
    [
        ({"status": 429, "headers": {"Retry-After": "70"}}, 503, "push_busy", "70"),
        ({"status": 429}, 503, "push_busy", "30"),
        ({"status": 406, "headers": {"Retry-After": "900"}}, 503, "push_busy", "900"),
        ({"status": 413}, 413, "message_too_large", None),
        ({"status": 400}, 502, "push_refused", None),
        ({"status": 401}, 502, "push_refused", None),
        ({"status": 403}, 502, "push_refused", None),
        ({"status": 500}, 502, "push_refused", None),
        ({"status": 301, "headers": {"Location": "/"}}, 502, "push_refused", None),
        ({"status": 502, "forever": True}, 502, "push_refused", None),
        ({"disconnect": True, "forever": True}, 504, "push_timed_out", None),
    ],
    ids=lambda value: str(value) if isinstance(value, str | int) else None,
)
async def test_the_caller_gets_the_truth(
    client: httpx.AsyncClient,
    registered: Registered,
    alice: Person,
    push_service: PushService,
    answer: dict[str, Any],
    status: int,
    code: str,
    retry_after: str | None,
) -> None:
    """What the push service says is told, with its status in the reason, and the subscription stays."""
    push_service.script([answer])

    response = await post(client, alice.to("dial", registered.person))

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers.get("retry-after") == retry_after
    if code == "push_refused":
        assert str(answer["status"]) in response.json()["reason"]
    push_service.script([])
    again = await post(client, alice.to("dial", registered.person, b=now_ms() + 1))
    assert again.status_code == (503 if "Retry-After" in answer.get("headers", {}) else 200)


async def test_who_asked_to_wait_costs_no_encryption(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService
) -> None:
    """A call that is refused as busy is not encrypted: else this one would be told to be too large."""
    push_service.script([{"status": 429, "headers": {"Retry-After": "70"}}])
    await post(client, alice.to("dial", registered.person))

    response = await post(
        client, alice.to("offer", registered.person, e=_payload(MAX_PLAINTEXT_BYTES // 4 * 4))
    )

    assert (response.status_code, response.json()["code"]) == (503, "push_busy")


async def test_a_database_that_fails_is_said_to_be_unavailable(
    client: httpx.AsyncClient, alice: Person, bob: Person, migrated: URL
) -> None:
    """A database that does not answer is the server's trouble, said with a time to come back."""
    async with locked(migrated):
        response = await post(client, alice.to("dial", bob))

    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert response.headers["retry-after"] == "1"


async def test_the_same_call_in_flight_shares_its_refusal(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService
) -> None:
    """Copies of a call that fails cost one push, and end together."""
    push_service.script([{"delay": 0.2, "status": 400, "forever": True}])
    call = alice.to("dial", registered.person)

    responses = await asyncio.gather(*(post(client, call) for _ in range(5)))

    assert [response.status_code for response in responses] == [502] * 5
    assert len(push_service.received) == 1


async def test_a_call_in_flight_that_is_forgotten_is_relayed_again(
    client: httpx.AsyncClient, registered: Registered, alice: Person, push_service: PushService, clock: Clock
) -> None:
    """As when the server's clock jumps, and back: twice a push is better than a call without an end."""
    push_service.script([{"delay": 0.3, "forever": True}])
    call, ahead = alice.to("dial", registered.person), 60_000
    later = alice.to("close", registered.person, b=clock() + ahead)
    answers = []
    for sent, jump in ((call, 0), (later, ahead), (call, 0)):
        clock.ahead = jump
        answers.append(asyncio.create_task(post(client, sent)))
        await asyncio.sleep(0.05)
    responses = await asyncio.gather(*answers)

    assert [response.status_code for response in responses] == [200] * 3


async def test_a_stored_endpoint_that_is_no_longer_allowed_gets_nothing(
    registered: Registered, alice: Person, settings: Settings, push_service: PushService
) -> None:
    """An operator who narrows the push services is heard for old subscriptions too."""
    narrowed = settings.model_copy(update={"push_endpoints": ("browsers",)})

    async with serving(narrowed) as client:
        response = await post(client, alice.to("dial", registered.person))

    assert (response.status_code, response.json()["code"]) == (403, "endpoint_not_allowed")
    assert push_service.received == []


async def test_a_tag_tells_nothing_and_belongs_to_two_people(
    client: httpx.AsyncClient,
    registered: Registered,
    alice: Person,
    mallory: Person,
    settings: Settings,
    push_service: PushService,
) -> None:
    """It is another for another recipient, and on a server with another key."""
    other = await register(client, mallory, push_service.subscribe())
    elsewhere = settings.model_copy(update={"vapid_private_key": SecretStr(VapidKey.generate().private_text)})

    await post(client, alice.to("dial", registered.person))
    await post(client, alice.to("dial", other.person))
    async with serving(elsewhere) as another:
        await post(another, alice.to("dial", registered.person))

    tags = [registered.pushed[0]["tag"], other.pushed[0]["tag"], registered.pushed[1]["tag"]]
    assert len(set(tags)) == 3


async def test_a_recipient_is_said_to_be_gone_also_when_the_row_can_not_be_deleted(
    client: httpx.AsyncClient,
    registered: Registered,
    alice: Person,
    push_service: PushService,
    migrated: URL,
) -> None:
    """The caller gets the truth; the next call finds the subscription gone again."""
    push_service.script([{"delay": 0.3, "status": 410}])
    dialling = asyncio.create_task(post(client, alice.to("dial", registered.person)))
    await asyncio.sleep(0.1)
    async with locked(migrated):
        response = await dialling

    assert (response.status_code, response.json()["code"]) == (404, "recipient_gone")


@pytest.mark.parametrize(("method", "member"), [("ice", "f"), ("update", "c"), ("update", "d")])
async def test_null_is_not_the_same_as_nothing(
    client: httpx.AsyncClient, alice: Person, bob: Person, method: str, member: str
) -> None:
    """An optional member is left out; only `b` of an update means something as null."""
    data = (alice.to("ice", bob) if method == "ice" else alice.update())["b"]

    response = await post(client, alice.call(method, data | {member: None}))

    assert (response.status_code, response.json()["code"]) == (422, "invalid_call")
    assert response.json()["errors"] == [f"b.{member}: must be left out rather than null"]
