"""Repository of subscriptions by address: find, upsert, tombstone, delete.

The table is spoken to in two dialects: SQLAlchemy Core, and one SQL text for what each call looks up.
"""

from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from asyncpg import Record
from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.protocol.constants import ADDRESS_BYTES, SUBSCRIPTION_LIFE_MS
from app.protocol.keys import Address
from app.protocol.subscription import Endpoint, PushTarget, Subscription
from app.store.batch_loader import BatchLoader
from app.store.database import Database
from app.store.errors import StaleUpdate, SubscriptionGone
from app.store.replica import Replica
from app.store.tables import SUBSCRIPTION

_row = SUBSCRIPTION.c

_CONTENT = ("endpoint", "p256dh", "auth")

# One text and one parameter, however many addresses are looked up.
_FIND = """
    SELECT address, endpoint, p256dh, auth, expires_at, vapid_key FROM subscription
    WHERE address = ANY($1::bytea[]) AND endpoint IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class StoredSubscription:
    """A push target as it is stored, with the id of the VAPID key that it was subscribed for, if known."""

    target: PushTarget
    vapid_key: str | None = None


class Subscriptions:
    """The table as the relay sees it: protocol values in and out. All times in ms.

    *mark_key* is the secret under which subscriptions that are gone are remembered by their hash.
    """

    def __init__(self, database: Database, replica: Replica | None = None, mark_key: bytes = b"") -> None:
        self._database = database
        self._mark_key = mark_key
        self._rows = BatchLoader(_row_loader(database, "find"))
        self._copies = BatchLoader(_row_loader(replica, "find_replica")) if replica else None

    async def get(self, address: Address, now: int) -> StoredSubscription | None:
        """Return the subscription of *address*, `None` when there is none or it has expired."""
        return _from_row(await self._rows.get(address.raw), now)

    @property
    def may_lag(self) -> bool:
        """Whether what `find_maybe_stale` returns may have been replaced before it was asked."""
        return self._copies is not None

    async def find_maybe_stale(self, address: Address, now: int) -> StoredSubscription | None:
        """Return what `get` returns, or returned a moment ago: a replica is asked first, if there is one.

        Whoever is not there may have registered since, so that the database is asked all the same.
        """
        copy = await self._copies.get(address.raw) if self._copies else None
        return _from_row(copy, now) or await self.get(address, now)

    def ask(self, address: Address) -> Future[Record | None]:
        """Begin to look *address* up, in one statement with whatever is asked next."""
        return (self._copies or self._rows).get(address.raw)

    async def is_registered(self, address: Address, asked: Future[Record | None], now: int) -> bool:
        """Tell whether *address*, which was `ask`ed for, has a subscription."""
        if _is_live(await asked, now):
            return True
        return self.may_lag and await self.get(address, now) is not None

    async def upsert(
        self,
        address: Address,
        subscription: Subscription,
        sent_at: int | None,
        now: int,
        vapid_key: str | None = None,
    ) -> None:
        """Store *subscription* as the only one of *address*, until the browser says, at most 180 days.

        *vapid_key* is the one it came with, unless it is stored already with its own. Raise `StaleUpdate`
        unless it is newer than what is stored, or the very same.
        """
        life_ends = now + SUBSCRIPTION_LIFE_MS
        await self._replace(
            "remember",
            address=address.raw,
            endpoint=subscription.endpoint.url,
            p256dh=subscription.keys.p256dh,
            auth=subscription.keys.auth,
            expires_at=min(subscription.expires_at or life_ends, life_ends),
            signed_at=sent_at,
            vapid_key=vapid_key,
        )

    async def tombstone(self, address: Address, sent_at: int) -> None:
        """Leave nothing of *address* but itself and *sent_at*. Raise `StaleUpdate` like `upsert`."""
        await self._replace(
            "forget",
            address=address.raw,
            endpoint=None,
            p256dh=None,
            auth=None,
            expires_at=None,
            signed_at=sent_at,
            vapid_key=None,
        )

    async def delete_if_current(self, address: Address, gone: PushTarget, now: int) -> bool:
        """Delete the row of *address* if its subscription is still the one that is *gone*; tell if it was.

        A mark of it stays for as long as a registration lives, for `check_not_gone`.
        """
        mark = insert(SUBSCRIPTION).values(address=self._mark(address, gone), signed_at=now)
        await self._database.fetch(
            mark.on_conflict_do_update(index_elements=[_row.address], set_={"signed_at": now}), "drop"
        )
        dropped = delete(SUBSCRIPTION).where(*_is_current(address, gone)).returning(_row.address)
        return bool(await self._database.fetch(dropped, "drop"))

    async def check_not_gone(self, address: Address, target: PushTarget) -> None:
        """Raise `SubscriptionGone` if the push service said so of *target* before, when *address* had it."""
        mark = select(_row.address).where(_row.address == self._mark(address, target))
        if await self._database.fetch(mark, "find"):
            raise SubscriptionGone

    def _mark(self, address: Address, gone: PushTarget) -> bytes:
        """Return the key of a mark: a tombstone like that of a person, and purged like it.

        Nobody has this address, and without the key it tells neither the person nor the endpoint.
        """
        said = b"gone" + address.raw + gone.endpoint.url.encode()
        return blake2b(said, key=self._mark_key, digest_size=ADDRESS_BYTES).digest()

    async def set_vapid_key(self, address: Address, target: PushTarget, vapid_key: str) -> None:
        """Correct the key of *address*, as long as *target* is the one that it was found out for."""
        row = update(SUBSCRIPTION).where(*_is_current(address, target)).values(vapid_key=vapid_key)
        await self._database.fetch(row, "assign")

    async def _replace(self, name: str, **values: Any) -> None:  # noqa: ANN401 - column values
        new = insert(SUBSCRIPTION).values(**values)
        stored = await self._database.fetch(
            new.on_conflict_do_update(
                index_elements=[_row.address],
                set_={
                    **{column: new.excluded[column] for column in values if column != "address"},
                    "vapid_key": case(
                        (and_(*_same(new.excluded, _CONTENT)), _row.vapid_key), else_=new.excluded.vapid_key
                    ),
                },
                where=or_(
                    _row.signed_at.is_(None),
                    new.excluded.signed_at > _row.signed_at,
                    and_(new.excluded.signed_at == _row.signed_at, *_same(new.excluded, _CONTENT)),
                ),
            ).returning(_row.address),
            name,
        )
        if not stored:
            raise StaleUpdate


def _is_current(address: Address, target: PushTarget) -> list[ColumnElement[bool]]:
    """Return what is true of the row of *address* as long as *target* is its own."""
    return [
        _row.address == address.raw,
        _row.endpoint == target.endpoint.url,
        _row.p256dh == target.p256dh,
        _row.auth == target.auth,
    ]


def _same(new: Any, names: Iterable[str]) -> list[ColumnElement[bool]]:  # noqa: ANN401 - SQLAlchemy's excluded
    return [new[name].is_not_distinct_from(_row[name]) for name in names]


def _row_loader(
    database: Database | Replica, name: str
) -> Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, Record]]]:
    """Return the loader of rows by address; *name* is what its statement is measured as."""

    async def load(addresses: Sequence[bytes]) -> Mapping[bytes, Record]:
        return {row["address"]: row for row in await database.look_up(_FIND, addresses, name=name)}

    return load


def _from_row(row: Record | None, now: int) -> StoredSubscription | None:
    """Return the value of *row*, not parsed again; `None` for no row, or one that has expired by *now*."""
    if row is None or not _is_live(row, now):
        return None
    _, endpoint, p256dh, auth, _, vapid_key = row
    return StoredSubscription(PushTarget(Endpoint.from_trusted(endpoint), p256dh, auth), vapid_key)


def _is_live(row: Record | None, now: int) -> bool:
    return row is not None and row["expires_at"] > now
