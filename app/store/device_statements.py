"""Statements on the device table, and on the subscription table of the previous version.

Each touches rows of one address by their keys, stands alone, and may safely run twice.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.protocol.constants import SUBSCRIPTION_LIFE_MS
from app.protocol.keys import Address
from app.protocol.subscription import PushTarget
from app.store.database import Database
from app.store.subscription_lookups import StoredSubscription
from app.store.tables import DEVICE, SUBSCRIPTION

_device = DEVICE.c
_newest = SUBSCRIPTION.c

_ALL = ""  # the tombstone of all devices

_NOTHING: dict[str, Any] = dict.fromkeys(("endpoint", "p256dh", "auth", "expires_at", "vapid_key"))


class DeviceTable:
    """Rows of the devices, and of the newest subscription of each address."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_device(self, address: Address, found: StoredSubscription, sent_at: int | None) -> None:
        """Store a device unless something is stored of it."""
        new = insert(DEVICE).values(**_device_values(address, found, sent_at))
        await self._database.fetch(new.on_conflict_do_nothing(), "remember")

    async def put_tombstone(self, address: Address, sent_at: int) -> bool:
        """Forget the newest subscription unless it is newer; tell if it was done."""
        return await self._put_tombstone(SUBSCRIPTION, _values(address, None, sent_at))

    async def drop(self, address: Address, target: PushTarget) -> bool:
        """Delete *target* where it is stored for *address*; tell if it was."""
        dropped = [
            await self._database.fetch(
                delete(table).where(*_is_current(table, address, target)).returning(table.c.address), "drop"
            )
            for table in (DEVICE, SUBSCRIPTION)
        ]
        return any(dropped)

    async def drop_device(self, address: Address, found: StoredSubscription) -> None:
        """Delete a device as it was *found*, unless it was registered since."""
        which = (_device.device == found.device, _device.updated_at == found.updated_at)
        await self._database.fetch(delete(DEVICE).where(_device.address == address.raw, *which), "drop")
        await self.drop_older(address, found.target, found.updated_at, (SUBSCRIPTION,))

    async def drop_older(
        self,
        address: Address,
        target: PushTarget,
        sent_at: int | None,
        tables: Sequence[Table] = (DEVICE, SUBSCRIPTION),
    ) -> None:
        """Delete *target* where it is stored and was not signed after *sent_at*."""
        for table in tables:
            unsigned = table.c.signed_at.is_(None)
            older = unsigned if sent_at is None else or_(unsigned, table.c.signed_at <= sent_at)
            which = (*_is_current(table, address, target), older)
            await self._database.fetch(delete(table).where(*which), "drop")

    async def forget(self, address: Address, sent_at: int) -> None:
        """Delete all devices of *address* that were not signed after *sent_at*, and their tombstones.

        One for all stays, so that a registration which began before can't end after this.
        """
        ends = sent_at + SUBSCRIPTION_LIFE_MS
        tombstone = {
            **_values(address, None, sent_at),
            "device": _ALL,
            "updated_at": sent_at,
            "expires_at": ends,
        }
        await self._put_tombstone(DEVICE, tombstone)
        older = or_(_device.signed_at.is_(None), _device.signed_at <= sent_at)
        devices = delete(DEVICE).where(_device.address == address.raw, _device.device != _ALL, older)
        await self._database.fetch(devices, "forget")

    async def is_forgotten(self, address: Address, sent_at: int | None) -> bool:
        """Tell whether *address* asked to be forgotten, not before *sent_at*."""
        for table, *which in ((SUBSCRIPTION, _newest.endpoint.is_(None)), (DEVICE, _device.device == _ALL)):
            newer = () if sent_at is None else (table.c.signed_at >= sent_at,)
            found = select(table.c.address).where(table.c.address == address.raw, *which, *newer)
            if await self._database.fetch(found, "find"):
                return True
        return False

    async def has_signed(self, address: Address) -> bool:
        """Tell whether a device of *address*, be it a tombstone, was registered or ended with a timestamp."""
        signed = select(_device.address).where(_device.address == address.raw, _device.signed_at.is_not(None))
        return bool(await self._database.fetch(signed.limit(1), "find"))

    async def drop_tombstones(self, address: Address, before: int) -> None:
        """Delete the tombstones of devices of *address* that were ended *before* that time."""
        ended = (_device.endpoint.is_(None), _device.device != _ALL, _device.signed_at < before)
        await self._database.fetch(delete(DEVICE).where(_device.address == address.raw, *ended), "forget")

    async def end(self, address: Address, device: str, sent_at: int) -> bool:
        """Leave a tombstone of a live *device* that is older than *sent_at*; tell if it was done."""
        older = or_(_device.signed_at.is_(None), _device.signed_at < sent_at)
        live = (_device.address == address.raw, _device.device == device, _device.endpoint.is_not(None))
        ends = {"updated_at": sent_at, "expires_at": sent_at + SUBSCRIPTION_LIFE_MS}
        ended = {**_NOTHING, "signed_at": sent_at, **ends}
        row = update(DEVICE).where(*live, older).values(**ended).returning(_device.address)
        return bool(await self._database.fetch(row, "forget"))

    async def set_vapid_key(self, address: Address, target: PushTarget, vapid_key: str) -> None:
        """Correct the key of *address*, as long as *target* is the one that it was found out for."""
        for table in (DEVICE, SUBSCRIPTION):
            row = update(table).where(*_is_current(table, address, target)).values(vapid_key=vapid_key)
            await self._database.fetch(row, "assign")

    async def _put_tombstone(self, table: Table, values: dict[str, Any]) -> bool:
        """Insert a tombstone, or replace a row by it that is older or the same; tell if that was done."""
        new, row = insert(table).values(**values), table.c
        statement = new.on_conflict_do_update(
            index_elements=[*table.primary_key],
            set_={column: new.excluded[column] for column in values if not row[column].primary_key},
            where=or_(
                row.signed_at.is_(None),
                new.excluded.signed_at > row.signed_at,
                and_(new.excluded.signed_at == row.signed_at, row.endpoint.is_(None)),
            ),
        )
        return bool(await self._database.fetch(statement.returning(row.address), "forget"))


def _values(address: Address, new: StoredSubscription | None, sent_at: int | None) -> dict[str, Any]:
    whose = {"address": address.raw, "signed_at": sent_at}
    if new is None:
        return whose | _NOTHING
    return whose | {
        "endpoint": new.target.endpoint.url,
        "p256dh": new.target.p256dh,
        "auth": new.target.auth,
        "expires_at": new.expires_at,
        "vapid_key": new.vapid_key,
    }


def _device_values(address: Address, new: StoredSubscription, sent_at: int | None) -> dict[str, Any]:
    return _values(address, new, sent_at) | {"device": new.device, "updated_at": new.updated_at}


def _is_current(table: Table, address: Address, target: PushTarget) -> list[ColumnElement[bool]]:
    """Return what is true of a row of *address* as long as *target* is its own."""
    row = table.c
    return [
        row.address == address.raw,
        row.endpoint == target.endpoint.url,
        row.p256dh == target.p256dh,
        row.auth == target.auth,
    ]
