"""Several devices of one address: each is stored, renewed and ended by itself."""

from asyncio import gather

import pytest
from sqlalchemy import text

from app.protocol.constants import MAX_DEVICES, SUBSCRIPTION_LIFE_MS
from app.protocol.subscription import Subscription
from app.store.database import Database
from app.store.errors import StaleUpdate
from app.store.purge import purge
from app.store.subscription_lookups import Devices
from app.store.subscriptions import TOMBSTONE_MS, Subscriptions
from tests.people import Person
from tests.vector_files import subscription_at

pytestmark = pytest.mark.anyio

NOW = 1_760_000_000_000


def device(number: int) -> Subscription:
    """Return the subscription of a device."""
    return subscription_at(f"https://fcm.googleapis.com/fcm/send/{number}")


PHONE, LAPTOP = device(1), device(2)


def urls(found: Devices) -> list[str]:
    """Return where devices are reached, in their order."""
    return [each.target.endpoint.url[-1] for each in found]


async def test_an_address_has_several_devices(subscriptions: Subscriptions, alice: Person) -> None:
    """One more takes nothing from the others, and all are told."""
    await subscriptions.upsert(alice.address, PHONE, NOW, NOW)
    told = await subscriptions.upsert(alice.address, LAPTOP, NOW, NOW + 1)

    assert urls(told) == urls(await subscriptions.find_maybe_stale(alice.address, NOW)) == ["1", "2"]


async def test_one_too_many_replaces_the_one_that_was_not_seen_for_longest(
    subscriptions: Subscriptions, alice: Person
) -> None:
    """A renewal counts: the first has been seen since."""
    for number in range(MAX_DEVICES):
        await subscriptions.upsert(alice.address, device(number), NOW + number, NOW + number)
    await subscriptions.upsert(alice.address, device(0), NOW + 8, NOW + 8)

    told = await subscriptions.upsert(alice.address, device(9), NOW + 9, NOW + 9)

    assert urls(told) == urls(await subscriptions.get(alice.address, NOW)) == ["2", "3", "4", "0", "9"]


async def test_a_device_that_is_ended_leaves_the_others(subscriptions: Subscriptions, alice: Person) -> None:
    """Its owner says so; it is not found again, in the table of the version before either."""
    await subscriptions.upsert(alice.address, LAPTOP, NOW, NOW)
    *_, phone = await subscriptions.upsert(alice.address, PHONE, NOW, NOW + 1)

    await subscriptions.end(alice.address, phone, NOW + 1)

    assert urls(await subscriptions.get(alice.address, NOW)) == ["2"]


@pytest.mark.parametrize("sent_at", [None, NOW, NOW + 1], ids=["untimed", "older", "as old"])
async def test_a_device_that_was_ended_is_not_brought_back_by_a_replay(
    subscriptions: Subscriptions, database: Database, alice: Person, sent_at: int | None
) -> None:
    """What stays of it lives as long as a registration."""
    (phone,) = await subscriptions.upsert(alice.address, PHONE, NOW, NOW)
    await subscriptions.end(alice.address, phone, NOW + 1)
    await purge(database, lambda: NOW + SUBSCRIPTION_LIFE_MS)

    with pytest.raises(StaleUpdate):
        await subscriptions.upsert(alice.address, PHONE, sent_at, NOW + 2)

    await purge(database, lambda: NOW + SUBSCRIPTION_LIFE_MS + 1)
    assert await database.fetch(text("SELECT 1 FROM device")) == []


async def test_a_device_is_not_ended_by_what_is_older(subscriptions: Subscriptions, alice: Person) -> None:
    """It has been registered since."""
    (phone,) = await subscriptions.upsert(alice.address, PHONE, NOW, NOW)

    with pytest.raises(StaleUpdate):
        await subscriptions.end(alice.address, phone, NOW)


async def test_a_device_that_was_ended_may_come_back(subscriptions: Subscriptions, alice: Person) -> None:
    """By a newer registration."""
    (phone,) = await subscriptions.upsert(alice.address, PHONE, NOW, NOW)
    await subscriptions.end(alice.address, phone, NOW + 1)

    assert await subscriptions.upsert(alice.address, PHONE, NOW + 2, NOW + 2)


async def test_who_is_forgotten_is_forgotten_on_every_device(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """A wish to be forgotten leaves no device, and no tombstone of one."""
    (phone,) = await subscriptions.upsert(alice.address, PHONE, NOW, NOW)
    await subscriptions.end(alice.address, phone, NOW + 1)
    await subscriptions.upsert(alice.address, LAPTOP, NOW + 2, NOW)

    await subscriptions.tombstone(alice.address, NOW + 3)

    assert [row.device for row in await database.fetch(text("SELECT device FROM device"))] == [""]
    with pytest.raises(StaleUpdate):
        await subscriptions.upsert(alice.address, PHONE, NOW + 3, NOW + 3)
    assert not await subscriptions.get(alice.address, NOW)


async def test_a_new_device_without_a_timestamp_is_refused_where_there_was_one(
    subscriptions: Subscriptions, alice: Person
) -> None:
    """It may be a recorded registration of long ago; one that is there is renewed."""
    await subscriptions.upsert(alice.address, PHONE, None, NOW)
    await subscriptions.upsert(alice.address, LAPTOP, NOW, NOW)

    await subscriptions.upsert(alice.address, PHONE, None, NOW + 1)
    with pytest.raises(StaleUpdate):
        await subscriptions.upsert(alice.address, device(3), None, NOW + 1)

    assert urls(await subscriptions.get(alice.address, NOW)) == ["2", "1"]


async def test_a_recorded_registration_does_not_come_back_when_the_newest_device_has_ended(
    subscriptions: Subscriptions, alice: Person
) -> None:
    """The others have said their time as well: five records of old ones would displace them all."""
    await subscriptions.upsert(alice.address, device(3), None, NOW)
    await subscriptions.upsert(alice.address, PHONE, NOW, NOW)
    *_, laptop = await subscriptions.upsert(alice.address, LAPTOP, NOW + 1, NOW + 1)
    await subscriptions.end(alice.address, laptop, NOW + 2)

    with pytest.raises(StaleUpdate):
        await subscriptions.upsert(alice.address, device(4), None, NOW + 3)

    assert sorted(urls(await subscriptions.get(alice.address, NOW))) == ["1", "3"]


async def test_devices_that_were_ended_do_not_pile_up(
    database: Database, subscriptions: Subscriptions, alice: Person
) -> None:
    """After an hour nothing is left of them: each look-up of the address would read them all."""
    for number in range(9):
        *_, new = await subscriptions.upsert(alice.address, device(number), NOW + number, NOW + number)
        await subscriptions.end(alice.address, new, NOW + number + 1 + number // 8 * 2 * TOMBSTONE_MS)

    (left,) = await database.fetch(text("SELECT count(*) FROM device"))
    assert left == (1,)


async def test_devices_that_come_at_once_are_no_more_than_may_be(
    subscriptions: Subscriptions, alice: Person
) -> None:
    """Each looks again when it is there."""
    await gather(*(subscriptions.upsert(alice.address, device(number), NOW, NOW) for number in range(9)))

    assert len(await subscriptions.get(alice.address, NOW)) <= MAX_DEVICES


async def test_a_device_id_is_opaque(subscriptions: Subscriptions, alice: Person, bob: Person) -> None:
    """The same endpoint has another id under another address."""
    (one,) = await subscriptions.upsert(alice.address, PHONE, NOW, NOW)
    (other,) = await subscriptions.upsert(bob.address, PHONE, NOW, NOW)

    assert one.device != other.device


async def test_another_key_makes_no_second_device_of_one_endpoint(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """When the server's oldest key is taken out, a renewal gets a new id, and the row of the old one goes."""
    await subscriptions.upsert(alice.address, PHONE, NOW, NOW)
    later = Subscriptions(database, key=b"another")

    (told,) = await later.upsert(alice.address, PHONE, NOW + 1, NOW + 1)

    assert [each.device for each in await later.get(alice.address, NOW)] == [told.device]


BEFORE = (
    "INSERT INTO subscription (address, endpoint, p256dh, auth, expires_at, signed_at) "
    "VALUES (:address, :endpoint, :p256dh, :auth, :ends, :signed)"
)


async def store_with_the_version_before(database: Database, person: Person, browser: Subscription) -> None:
    """Store a subscription as the version before does."""
    await database.fetch(
        text(BEFORE).bindparams(
            address=person.address.raw,
            endpoint=browser.endpoint.url,
            p256dh=browser.keys.p256dh,
            auth=browser.keys.auth,
            ends=NOW + 1000,
            signed=NOW,
        )
    )


async def test_what_the_version_before_has_stored_is_found(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """While both serve, and until its owner registers again."""
    await store_with_the_version_before(database, alice, PHONE)

    assert urls(await subscriptions.find_maybe_stale(alice.address, NOW)) == ["1"]
    assert await subscriptions.is_registered(alice.address, subscriptions.ask(alice.address), NOW)


async def test_what_the_version_before_has_stored_becomes_a_device(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """When another device of its owner registers."""
    await store_with_the_version_before(database, alice, PHONE)
    await subscriptions.upsert(alice.address, LAPTOP, NOW + 1, NOW + 1)

    assert urls(await subscriptions.find_maybe_stale(alice.address, NOW)) == ["1", "2"]


async def test_what_the_version_before_has_stored_can_be_ended(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """By its owner, like any device."""
    await store_with_the_version_before(database, alice, PHONE)
    (phone,) = await subscriptions.get(alice.address, NOW)

    await subscriptions.end(alice.address, phone, NOW + 1)

    assert not await subscriptions.get(alice.address, NOW)


async def test_the_version_before_finds_who_registers_last(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """It knows one subscription an address."""
    for number in (1, 2):
        await subscriptions.upsert(alice.address, device(number), NOW + number, NOW + number)

    found = await database.fetch(text("SELECT endpoint FROM subscription WHERE endpoint IS NOT NULL"))

    assert [row.endpoint for row in found] == [LAPTOP.endpoint.url]


async def test_no_more_are_called_than_may_be(
    subscriptions: Subscriptions, database: Database, alice: Person
) -> None:
    """Also when several registered at the very same time, or the operator allows fewer than before."""
    for number in range(3):
        await subscriptions.upsert(alice.address, device(number), NOW, NOW + number)

    fewer = Subscriptions(database, max_devices=2)

    assert urls(await fewer.find_maybe_stale(alice.address, NOW)) == ["1", "2"]


async def test_a_key_is_corrected_for_one_device(subscriptions: Subscriptions, alice: Person) -> None:
    """The others came with their own."""
    for browser in (PHONE, LAPTOP):
        await subscriptions.upsert(alice.address, browser, NOW, NOW, "old")
    phone, laptop = await subscriptions.get(alice.address, NOW)

    await subscriptions.set_vapid_key(alice.address, phone.target, "new")

    found = {each.device: each for each in await subscriptions.get(alice.address, NOW)}
    assert found == {phone.device: phone._replace(vapid_key="new"), laptop.device: laptop}
