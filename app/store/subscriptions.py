"""Repository of the subscriptions of each address: find, register, end and forget them.

The tables are spoken to in two dialects: SQLAlchemy Core, and SQL texts for what each call looks up and each
update stores.
"""

from collections.abc import Awaitable

from sqlalchemy.dialects.postgresql import insert

from app.protocol.constants import MAX_DEVICES, SUBSCRIPTION_LIFE_MS
from app.protocol.keys import Address
from app.protocol.subscription import Endpoint, PushTarget, Subscription
from app.store.database import Database
from app.store.device_statements import DeviceTable
from app.store.errors import StaleUpdate, SubscriptionGone
from app.store.keyed_hashes import KeyedHashes
from app.store.replica import Replica
from app.store.subscription_lookups import Devices, Lookups, StoredSubscription
from app.store.tables import SUBSCRIPTION
from app.store.upserts import UpsertResult, UpsertRow, Upserts

_row = SUBSCRIPTION.c

# How long the end of a device is remembered: whoever ends many must not leave as many rows for half a year.
TOMBSTONE_MS = 60 * 60 * 1000


class Subscriptions:
    """Repository of subscriptions: protocol values in and out, no rows. All times in ms.

    *key* is the secret under which device ids are made, and subscriptions that are gone are remembered. An
    address has at most *max_devices*.
    """

    def __init__(
        self,
        database: Database,
        replica: Replica | None = None,
        key: bytes = b"",
        max_devices: int = MAX_DEVICES,
    ) -> None:
        self._database = database
        self._table = DeviceTable(database)
        self._hashes = KeyedHashes(key)
        self._max_devices = max_devices
        self._upserts = Upserts(database)
        lookups = Lookups(database, replica, self._hashes, max_devices)
        self.get, self.find_maybe_stale = lookups.get, lookups.find_maybe_stale
        self.ask, self.is_registered, self.ask_gone = lookups.ask, lookups.is_registered, lookups.ask_gone
        # Whether what `find_maybe_stale` returns may have been replaced before it was asked.
        self.may_lag = replica is not None

    def device_id(self, address: Address, endpoint: Endpoint) -> str:
        """Return the id of the device of *address* that has *endpoint*."""
        return self._hashes.device_id(address, endpoint.url)

    async def upsert(
        self,
        address: Address,
        subscription: Subscription,
        sent_at: int | None,
        now: int,
        vapid_key: str | None = None,
        known: Devices | None = None,
    ) -> Devices:
        """Store *subscription* beside the others of *address*, until the browser says, at most 180 days.

        One too many replaces that whose registration is longest ago. *vapid_key* is the one it came with,
        unless it is stored already with its own. *known* is what `get` returned a moment ago, if it was
        asked. Return all live ones, this one last. Raise `StaleUpdate` unless it is newer than what is stored
        of it, or the very same, and than the wish to be forgotten; and for a new one without *sent_at* once
        the address has sent a timestamp.
        """
        life_ends = now + SUBSCRIPTION_LIFE_MS
        ends = min(subscription.expires_at or life_ends, life_ends)
        device, target = self.device_id(address, subscription.endpoint), subscription.target
        new = StoredSubscription(target, ends, vapid_key, now, device)
        known = await self.get(address, now) if known is None else known
        is_new = target not in [each.target for each in known]
        if is_new and sent_at is None and await self._table.has_signed(address):
            raise StaleUpdate  # somebody may have recorded it
        others = [
            await self._adopt(address, each) for each in known if each.target.endpoint != target.endpoint
        ]
        row = UpsertRow(address.raw, device, target.endpoint.url, *target[1:], ends, now, sent_at, vapid_key)
        stored = await self._upserts.put(row)
        if stored is UpsertResult.STALE:
            raise StaleUpdate
        # Whoever is forgotten meanwhile is found out here, or loses the device.
        is_replay = is_new and sent_at is None
        if stored is UpsertResult.NOT_NEWEST and (
            is_replay or await self._table.is_forgotten(address, sent_at)
        ):
            await self._table.drop_older(address, target, sent_at)
            raise StaleUpdate
        # The same endpoint under an id that was made with an older key, and one device too many.
        same = [each for each in known if each not in others and each.device not in (device, None)]
        if is_new:  # so may others be, that came at the same time
            others = [each for each in await self.get(address, now) if each.target != target]
        excess = max(0, len(others) + 1 - self._max_devices)
        for each in [*same, *others[:excess]]:
            await self._table.drop_device(address, each)
        return [*others[excess:], new]

    async def tombstone(self, address: Address, sent_at: int) -> None:
        """Leave nothing of *address* but itself and *sent_at*. Raise `StaleUpdate` like `upsert`."""
        if not await self._table.put_tombstone(address, sent_at):
            raise StaleUpdate
        await self._table.forget(address, sent_at)

    async def end(self, address: Address, ended: StoredSubscription, sent_at: int) -> None:
        """Leave nothing of a device but its id and *sent_at*. Raise `StaleUpdate` if it is newer.

        What was ended an hour before leaves nothing: what it said is outside every clock window by then.
        """
        device = self.device_id(address, ended.target.endpoint) if ended.device is None else ended.device
        await self._table.add_device(address, ended._replace(device=device), ended.updated_at or None)
        if not await self._table.end(address, device, sent_at):
            raise StaleUpdate
        await self._table.drop_older(address, ended.target, sent_at, (SUBSCRIPTION,))
        await self._table.drop_tombstones(address, sent_at - TOMBSTONE_MS)

    async def delete_if_current(self, address: Address, gone: PushTarget, now: int) -> bool:
        """Delete the subscription of *address* that is *gone*, unless it was replaced; tell if it was there.

        A mark of it stays for as long as a registration lives, for `check_not_gone`: a tombstone like that of
        a person, and purged like it.
        """
        address_like = self._hashes.gone_mark(address, gone.endpoint.url)
        mark = insert(SUBSCRIPTION).values(address=address_like, signed_at=now)
        await self._database.fetch(
            mark.on_conflict_do_update(index_elements=[_row.address], set_={"signed_at": now}), "drop"
        )
        return await self._table.drop(address, gone)

    async def check_not_gone(self, asked: Awaitable[object]) -> None:
        """Raise `SubscriptionGone` if the push service said so before of what was `ask_gone`d about."""
        if await asked:
            raise SubscriptionGone

    async def set_vapid_key(self, address: Address, target: PushTarget, vapid_key: str) -> None:
        """Correct the key of *address*, as long as *target* is the one that it was found out for."""
        await self._table.set_vapid_key(address, target, vapid_key)

    async def _adopt(self, address: Address, found: StoredSubscription) -> StoredSubscription:
        """Return *found* as a device: what only the version before has stored becomes one."""
        if found.device is not None:
            return found
        adopted = found._replace(device=self.device_id(address, found.target.endpoint))
        await self._table.add_device(address, adopted, found.updated_at or None)
        return adopted
