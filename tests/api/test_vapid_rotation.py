"""Rotation of the VAPID key, by which nobody is lost."""

import httpx
import pytest
from sqlalchemy import text

from app.push.deadlines import PRODUCTION, Deadlines
from app.push.delivery import open_deliverer
from app.push.endpoint_policy import EndpointPolicy
from app.push.outcome import Attempt
from app.push.sender import PushSender
from app.push.ssrf_guard import INTERNET
from app.push.vapid import Keyring, VapidKey, VapidSigner
from app.push.verification_codes import VerificationCodes
from app.settings import Settings
from app.store.database import Database
from tests.api.conftest import Registered, post, register
from tests.conftest import serving
from tests.people import Person, now_ms
from tests.push_service import PushService
from tests.vector_files import subscription_at

pytestmark = pytest.mark.anyio

OLD, NEW = VapidKey.generate(), VapidKey.generate()
SUBJECT = "mailto:operator@example.org"


def with_keys(settings: Settings, *keys: VapidKey) -> Settings:
    """Return *settings* with these keys."""
    texts = ",".join(key.private_text for key in keys)
    given = Settings(_env_file=None, vapid_private_key=texts).vapid_private_key
    return settings.model_copy(update={"vapid_private_key": given})


async def stored_keys(database: Database) -> list[str | None]:
    """Return the id of the key in each row."""
    return [row[0] for row in await database.fetch(text("SELECT vapid_key FROM device ORDER BY updated_at"))]


async def dial(client: httpx.AsyncClient, registered: Registered) -> int:
    """Have somebody call, and return the status."""
    return (await post(client, Person().to("dial", registered.person))).status_code


async def test_the_newest_key_is_the_one_that_browsers_get(settings: Settings) -> None:
    """Whatever comes after it."""
    async with serving(with_keys(settings, NEW, OLD)) as client:
        assert (await client.get("/config")).json()["vapid_public_key"] == NEW.public_text


async def test_who_came_with_the_old_key_is_reached_with_it(
    settings: Settings, push_service: PushService, database: Database, bob: Person
) -> None:
    """At once, since the row tells which key it was."""
    async with serving(with_keys(settings, OLD)) as client:
        registered = await register(client, bob, push_service.subscribe(OLD.public_text))
    async with serving(with_keys(settings, NEW, OLD)) as client:
        status = await dial(client, registered)

    assert (status, len(push_service.received), len(registered.pushed)) == (200, 1, 1)
    assert await stored_keys(database) == [OLD.id]


async def test_who_registers_again_is_still_reached(
    settings: Settings, push_service: PushService, database: Database, bob: Person
) -> None:
    """The same subscription still belongs to the old key; one with the new key belongs to that."""
    async with serving(with_keys(settings, OLD)) as client:
        registered = await register(client, bob, push_service.subscribe(OLD.public_text))
    async with serving(with_keys(settings, NEW, OLD)) as client:
        await register(client, bob, registered.browser)
        same = (await dial(client, registered), await stored_keys(database))
        renewed = await register(client, bob, push_service.subscribe(NEW.public_text))
        other = (await dial(client, renewed), await stored_keys(database))

    assert (same, other) == ((200, [OLD.id]), (200, [OLD.id, NEW.id]))
    assert len(push_service.received) == 3


@pytest.mark.parametrize("known", ["NULL", f"'{NEW.id}'", "'unknown'"], ids=["none", "wrong", "of no key"])
async def test_a_row_with_another_key_is_corrected_by_its_first_push(
    settings: Settings, push_service: PushService, database: Database, bob: Person, known: str
) -> None:
    """The push service's refusal tells; afterwards it is known."""
    async with serving(with_keys(settings, NEW, OLD)) as client:
        registered = await register(client, bob, push_service.subscribe(OLD.public_text))
        await database.fetch(text(f"UPDATE device SET vapid_key = {known}"))  # noqa: S608 - from above
        statuses = [await dial(client, registered), await dial(client, registered)]

    tried = 2 if known == "NULL" else 3  # rows from before keys had ids came with the oldest
    assert (statuses, len(registered.pushed), len(push_service.received)) == ([200, 200], 2, tried)
    assert await stored_keys(database) == [OLD.id]


async def test_each_key_is_tried_once(
    settings: Settings, push_service: PushService, database: Database, bob: Person
) -> None:
    """Who belongs to none of them is refused, as the push service refused the likeliest; the row stays."""
    async with serving(with_keys(settings, NEW, OLD)) as client:
        registered = await register(client, bob, push_service.subscribe(VapidKey.generate().public_text))
        response = await post(client, Person().to("dial", bob))

    assert (response.status_code, response.json()["code"]) == (502, "push_refused")
    assert "403" in response.json()["reason"]
    assert (len(push_service.received), registered.pushed) == (2, [])
    assert await stored_keys(database) == [NEW.id]


async def test_with_one_key_a_refusal_is_not_tried_again(
    settings: Settings, push_service: PushService, bob: Person
) -> None:
    """There is nothing else to try."""
    async with serving(with_keys(settings, NEW)) as client:
        await register(client, bob, push_service.subscribe(OLD.public_text))
        await post(client, Person().to("dial", bob))

    assert len(push_service.received) == 1


async def test_without_time_for_another_key_the_refusal_is_told(
    settings: Settings, push_service: PushService, bob: Person
) -> None:
    """The caller waits for no more than was promised."""
    in_a_hurry = Deadlines(last_key_s=PRODUCTION.total_s)
    async with serving(with_keys(settings, NEW, OLD), deadlines=in_a_hurry) as client:
        await register(client, bob, push_service.subscribe(VapidKey.generate().public_text))
        response = await post(client, Person().to("dial", bob))

    assert (response.json()["code"], len(push_service.received)) == ("push_refused", 1)


@pytest.mark.parametrize("status", [400, 404, 410, 413, 429, 500])
async def test_only_a_refused_key_is_tried_with_another(
    settings: Settings, push_service: PushService, bob: Person, status: int
) -> None:
    """Any other answer is final, or waits as it always does."""
    async with serving(with_keys(settings, NEW, OLD)) as client:
        await register(client, bob, push_service.subscribe())
        push_service.script([{"status": status, "forever": True}])
        await post(client, Person().to("dial", bob))

    assert len(push_service.received) == 1


async def test_a_proof_outlives_the_rotation(alice: Person) -> None:
    """A code of the old key is good afterwards, and instances agree while one is not restarted yet."""
    target = subscription_at("https://push.unified.example/x").target
    keyring = Keyring([VapidSigner(NEW, SUBJECT), VapidSigner(OLD, SUBJECT)])
    now = now_ms()
    policy = EndpointPolicy.parse(["public"])
    async with open_deliverer(INTERNET, list[Attempt]().append, now_ms, PRODUCTION) as delivery:
        pushing = PushSender(keyring, policy, delivery, now_ms, PRODUCTION, list[str]().append)
        for key in (OLD, NEW):
            code = VerificationCodes(key.derive("verification")).make(alice.address, target, now)
            assert await pushing.ensure_verified(alice.address, target, code, now) is None
