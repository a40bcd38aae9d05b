"""Repository of subscriptions: what is kept, found, refused and forgotten."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.protocol.constants import SUBSCRIPTION_LIFE_MS
from app.protocol.subscription import PushTarget
from app.store.database import Database
from app.store.errors import StaleUpdate, SubscriptionGone
from app.store.purge import purge
from app.store.subscription_lookups import Devices
from app.store.subscriptions import Subscriptions
from tests.people import Person
from tests.vector_files import subscription_at

pytestmark = pytest.mark.anyio

NOW = 1_760_000_000_000
OLD = subscription_at("https://fcm.googleapis.com/fcm/send/old")
NEW = subscription_at("https://fcm.googleapis.com/fcm/send/new")


def target(stored: Devices) -> PushTarget | None:
    """Return where the one subscription that is stored leads."""
    return stored[0].target if len(stored) == 1 else None


async def lose(subscriptions: Subscriptions, owner: Person) -> None:
    """Let the push service say that a subscription of *owner* is gone."""
    await subscriptions.upsert(owner.address, OLD, None, NOW)
    await subscriptions.delete_if_current(owner.address, OLD.target, NOW)


async def test_what_was_remembered_is_found(subscriptions: Subscriptions, alice: Person) -> None:
    """A subscription comes back as it was stored."""
    await subscriptions.upsert(alice.address, NEW, None, NOW)

    found = await subscriptions.get(alice.address, NOW)

    assert target(found) == NEW.target


async def test_a_stranger_is_not_found(subscriptions: Subscriptions, alice: Person, bob: Person) -> None:
    """Nobody is found under another's address."""
    await subscriptions.upsert(alice.address, NEW, None, NOW)

    assert not await subscriptions.get(bob.address, NOW)


async def test_two_addresses_may_share_an_endpoint(
    subscriptions: Subscriptions, alice: Person, bob: Person
) -> None:
    """Two identities of one browser do not disturb each other."""
    await subscriptions.upsert(alice.address, NEW, None, NOW)
    await subscriptions.upsert(bob.address, NEW, None, NOW)

    assert await subscriptions.get(alice.address, NOW)
    assert await subscriptions.get(bob.address, NOW)


@pytest.mark.parametrize(
    ("expires_at", "life"),
    [
        (None, SUBSCRIPTION_LIFE_MS),
        (NOW + 5000, 5000),
        (NOW + 2 * SUBSCRIPTION_LIFE_MS, SUBSCRIPTION_LIFE_MS),
    ],
    ids=["the browser says nothing", "the browser says when", "the browser says too much"],
)
async def test_a_subscription_expires(
    subscriptions: Subscriptions, alice: Person, expires_at: int | None, life: int
) -> None:
    """It is found until the browser's expiration, or 180 days after the update, and not after."""
    browser = NEW.model_copy(update={"expires_at": expires_at})
    await subscriptions.upsert(alice.address, browser, None, NOW)

    assert await subscriptions.get(alice.address, NOW + life - 1)
    assert not await subscriptions.get(alice.address, NOW + life)


OTHER_KEYS = subscription_at(NEW.endpoint.url, auth="AAAAAAAAAAAAAAAAAAAAAA")


@pytest.mark.parametrize("sent_at", [None, NOW - 1, NOW], ids=["untimed", "older", "as old"])
async def test_an_older_update_is_refused(
    subscriptions: Subscriptions, alice: Person, sent_at: int | None
) -> None:
    """Once a device has sent a timestamp, a recorded old registration of it can't be replayed."""
    await subscriptions.upsert(alice.address, NEW, NOW, NOW)

    with pytest.raises(StaleUpdate):
        await subscriptions.upsert(alice.address, OTHER_KEYS, sent_at, NOW)

    assert target(await subscriptions.get(alice.address, NOW)) == NEW.target


async def test_the_very_same_update_is_fine(subscriptions: Subscriptions, alice: Person) -> None:
    """An honest retry is not refused."""
    await subscriptions.upsert(alice.address, NEW, NOW, NOW)
    await subscriptions.upsert(alice.address, NEW, NOW, NOW + 10)

    assert target(await subscriptions.get(alice.address, NOW)) == NEW.target


async def test_who_asks_is_forgotten(subscriptions: Subscriptions, database: Database, alice: Person) -> None:
    """Nothing but the address and the time of the wish stays behind."""
    await subscriptions.upsert(alice.address, NEW, None, NOW)

    await subscriptions.tombstone(alice.address, NOW)

    rows = await database.fetch(text("SELECT * FROM subscription"))
    assert [tuple(row) for row in rows] == [(alice.address.raw, None, None, None, None, NOW, None)]
    assert not await subscriptions.get(alice.address, NOW)


async def test_the_forgotten_are_not_brought_back_by_a_replay(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """What stays behind lives as long as a registration, and refuses what was signed before."""
    await subscriptions.tombstone(alice.address, NOW)
    await purge(database, lambda: NOW + SUBSCRIPTION_LIFE_MS - 1)

    with pytest.raises(StaleUpdate):
        await subscriptions.upsert(alice.address, OLD, None, NOW)


async def test_the_forgotten_may_come_back(subscriptions: Subscriptions, alice: Person) -> None:
    """A newer update registers again."""
    await subscriptions.tombstone(alice.address, NOW)
    await subscriptions.upsert(alice.address, NEW, NOW + 1, NOW + 1)

    assert target(await subscriptions.get(alice.address, NOW)) == NEW.target


async def test_what_is_gone_is_dropped(subscriptions: Subscriptions, alice: Person) -> None:
    """A subscription that its push service no longer knows is deleted."""
    await subscriptions.upsert(alice.address, NEW, None, NOW)

    await subscriptions.delete_if_current(alice.address, NEW.target, NOW)

    assert not await subscriptions.get(alice.address, NOW)


async def test_a_newer_subscription_survives_the_end_of_the_older(
    subscriptions: Subscriptions, alice: Person
) -> None:
    """Whoever registers again while the old subscription is found gone stays registered."""
    await subscriptions.upsert(alice.address, NEW, None, NOW)

    await subscriptions.delete_if_current(alice.address, OLD.target, NOW)

    assert target(await subscriptions.get(alice.address, NOW)) == NEW.target


@pytest.mark.parametrize(
    "columns",
    [
        "(address, signed_at) VALUES ('\\x00', 1)",
        "(address) VALUES (decode(repeat('ab', 32), 'hex'))",
        "(address, endpoint, signed_at) VALUES (decode(repeat('ab', 32), 'hex'), 'https://x.org/', 1)",
    ],
    ids=["a short address", "neither subscription nor time", "half a subscription"],
)
async def test_the_table_refuses_what_can_not_be(database: Database, columns: str) -> None:
    """The schema itself holds what the code relies on."""
    with pytest.raises(IntegrityError):
        await database.fetch(text(f"INSERT INTO subscription {columns}"))


async def test_a_subscription_with_other_keys_is_another(subscriptions: Subscriptions, alice: Person) -> None:
    """Whoever renews the keys at the same endpoint is not dropped with the old ones."""
    await subscriptions.upsert(alice.address, NEW, None, NOW)

    await subscriptions.delete_if_current(alice.address, OTHER_KEYS.target, NOW)

    assert await subscriptions.get(alice.address, NOW)


async def key_of(subscriptions: Subscriptions, person: Person) -> str | None:
    """Return the id of the key that is stored with somebody's subscription."""
    found = await subscriptions.get(person.address, NOW)
    assert found
    return found[-1].vapid_key


async def test_a_subscription_keeps_the_key_it_came_with(subscriptions: Subscriptions, alice: Person) -> None:
    """Another update of the same says nothing about it; another subscription does."""
    await subscriptions.upsert(alice.address, OLD, None, NOW, "old key")
    await subscriptions.upsert(alice.address, OLD, None, NOW + 1, "new key")
    same = await key_of(subscriptions, alice)
    await subscriptions.upsert(alice.address, NEW, None, NOW + 2, "new key")

    assert (same, await key_of(subscriptions, alice)) == ("old key", "new key")


async def test_who_comes_back_comes_with_the_newest_key(subscriptions: Subscriptions, alice: Person) -> None:
    """What was forgotten is not known any more."""
    await subscriptions.upsert(alice.address, OLD, NOW, NOW, "old key")
    await subscriptions.tombstone(alice.address, NOW + 1)
    await subscriptions.upsert(alice.address, OLD, NOW + 2, NOW, "new key")

    assert await key_of(subscriptions, alice) == "new key"


async def test_a_key_is_corrected_for_the_subscription_it_was_found_out_for(
    subscriptions: Subscriptions, alice: Person
) -> None:
    """Not for one that has replaced it meanwhile."""
    await subscriptions.upsert(alice.address, OLD, None, NOW, "one")
    await subscriptions.set_vapid_key(alice.address, OLD.target, "two")
    corrected = await key_of(subscriptions, alice)
    await subscriptions.upsert(alice.address, NEW, None, NOW + 1, "three")
    await subscriptions.set_vapid_key(alice.address, OLD.target, "two")

    assert (corrected, await key_of(subscriptions, alice)) == ("two", "three")


async def test_what_is_gone_stays_refused_for_that_address(
    subscriptions: Subscriptions, alice: Person, bob: Person
) -> None:
    """For as long as a registration lives; another endpoint, or another person, is not refused."""
    await lose(subscriptions, alice)

    with pytest.raises(SubscriptionGone):
        await subscriptions.check_not_gone(subscriptions.ask_gone(alice.address, OLD.target))
    await subscriptions.check_not_gone(subscriptions.ask_gone(alice.address, NEW.target))
    await subscriptions.check_not_gone(subscriptions.ask_gone(bob.address, OLD.target))


async def test_a_mark_is_purged_as_a_tombstone_is(
    database: Database, subscriptions: Subscriptions, alice: Person
) -> None:
    """After the life of a registration nobody has that subscription any more."""
    await lose(subscriptions, alice)

    await purge(database, lambda: NOW + SUBSCRIPTION_LIFE_MS + 1)

    await subscriptions.check_not_gone(subscriptions.ask_gone(alice.address, OLD.target))


async def test_a_mark_tells_neither_person_nor_endpoint(
    database: Database, subscriptions: Subscriptions, alice: Person
) -> None:
    """It is a hash under the server's key, and a time."""
    await lose(subscriptions, alice)
    (row,) = await database.fetch(text("SELECT * FROM subscription"))
    other = Subscriptions(database, key=b"another")

    assert alice.address.raw not in row
    assert OLD.endpoint.url not in row
    await other.check_not_gone(other.ask_gone(alice.address, OLD.target))
