"""The subscriptions of people: found by address, remembered, forgotten, purged."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.protocol.errors import StaleUpdate
from app.protocol.keys import Address
from app.protocol.limits import SUBSCRIPTION_LIFE_MS
from app.protocol.subscription import Endpoint, Subscription, SubscriptionKeys
from app.store.database import Database
from app.store.tables import SubscriptionRow

_table: Any = SubscriptionRow.__table__  # type: ignore[attr-defined]  # SQLModel hides what SQLAlchemy adds
_row = _table.c
PURGE_BATCH = 1000  # takes a few milliseconds

_CONTENT = ("endpoint", "p256dh", "auth")


class Subscriptions:
    """The table as the relay sees it: protocol values in and out. All times in ms."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, address: Address, now: int) -> Subscription | None:
        """Return the subscription of *address*, `None` when there is none or it has expired."""
        found = await self._database.fetch(
            select(_row.endpoint, _row.p256dh, _row.auth, _row.expires_at).where(
                _row.address == address.raw, _row.expires_at > now
            )
        )
        return _subscription(found[0]) if found else None

    async def remember(
        self, address: Address, subscription: Subscription, sent_at: int | None, now: int
    ) -> None:
        """Store *subscription* as the only one of *address*, until the browser says, at most 180 days.

        Raise `StaleUpdate` unless it is newer than what is stored, or the very same.
        """
        life_ends = now + SUBSCRIPTION_LIFE_MS
        await self._replace(
            address=address.raw,
            endpoint=subscription.endpoint.url,
            p256dh=subscription.keys.p256dh,
            auth=subscription.keys.auth,
            expires_at=min(subscription.expires_at or life_ends, life_ends),
            signed_at=sent_at,
        )

    async def forget(self, address: Address, sent_at: int) -> None:
        """Leave nothing of *address* but itself and *sent_at*. Raise `StaleUpdate` like `remember`."""
        await self._replace(
            address=address.raw, endpoint=None, p256dh=None, auth=None, expires_at=None, signed_at=sent_at
        )

    async def drop(self, address: Address, gone: Subscription) -> None:
        """Delete the row of *address* if its subscription is still the one that is *gone*."""
        await self._database.fetch(
            delete(_table).where(
                _row.address == address.raw,
                _row.endpoint == gone.endpoint.url,
                _row.p256dh == gone.keys.p256dh,
                _row.auth == gone.keys.auth,
            )
        )

    async def purge(self, now: int) -> int:
        """Delete what has expired, and return how many rows; so many at a time that none has to wait."""
        expired = select(_row.address).where(_row.expires_at <= now).limit(PURGE_BATCH)
        some = delete(_table).where(_row.address.in_(expired), _row.expires_at <= now).returning(_row.address)
        purged = 0
        while gone := len(await self._database.fetch(some)):
            purged += gone
        return purged

    async def _replace(self, **values: Any) -> None:  # noqa: ANN401 - column values
        new = insert(_table).values(**values)
        stored = await self._database.fetch(
            new.on_conflict_do_update(
                index_elements=[_row.address],
                set_={name: new.excluded[name] for name in values if name != "address"},
                where=or_(
                    _row.signed_at.is_(None),
                    new.excluded.signed_at > _row.signed_at,
                    and_(new.excluded.signed_at == _row.signed_at, *_same(new.excluded, _CONTENT)),
                ),
            ).returning(_row.address)
        )
        if not stored:
            raise StaleUpdate


def _same(new: Any, names: Iterable[str]) -> list[ColumnElement[bool]]:  # noqa: ANN401 - SQLAlchemy's excluded
    return [new[name].is_not_distinct_from(_row[name]) for name in names]


def _subscription(row: Row[Any]) -> Subscription:
    """Build the value anew, without judging again what was judged when it was stored."""
    keys = SubscriptionKeys.model_construct(p256dh=row.p256dh, auth=row.auth)
    endpoint = Endpoint.parse(row.endpoint)
    return Subscription.model_construct(endpoint=endpoint, expires_at=row.expires_at, keys=keys)
