"""The subscriptions of people: found by address, remembered, forgotten, purged."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    or_,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.protocol.errors import StaleUpdate
from app.protocol.keys import Address
from app.protocol.limits import SUBSCRIPTION_LIFE_MS
from app.protocol.subscription import Browser, Subscription
from app.store.database import Database
from app.store.registered import Registered, finding, registered
from app.store.replica import Replica
from app.store.tables import SubscriptionRow
from app.store.together import Together

_table: Any = SubscriptionRow.__table__  # type: ignore[attr-defined]  # SQLModel hides what SQLAlchemy adds
_row = _table.c
PURGE_BATCH = 1000  # takes a few milliseconds
PURGE_LOCK = 0x57485055524745  # any fixed number that nobody else locks

_CONTENT = ("endpoint", "p256dh", "auth")

# One statement, so that lock and deletion are one transaction: a pooler may give each its own connection.
# Rows are locked as they are found, so that an update is neither waited for nor lost.
_PURGE = text(f"""
    WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({PURGE_LOCK}) AS mine),
    expired AS (
        SELECT address FROM subscription WHERE (SELECT mine FROM turn) AND expires_at <= :now
        LIMIT {PURGE_BATCH} FOR UPDATE SKIP LOCKED
    ),
    forgotten AS (
        SELECT address FROM subscription
        WHERE (SELECT mine FROM turn) AND endpoint IS NULL AND signed_at <= :forgotten
        LIMIT {PURGE_BATCH} FOR UPDATE SKIP LOCKED
    ),
    gone AS (
        DELETE FROM subscription
        WHERE address IN (SELECT address FROM expired UNION ALL SELECT address FROM forgotten)
        RETURNING 1
    )
    SELECT (SELECT mine FROM turn), (SELECT count(*) FROM gone)
""")  # noqa: S608 - numbers of ours


class Subscriptions:
    """The table as the relay sees it: protocol values in and out. All times in ms."""

    def __init__(self, database: Database, replica: Replica | None = None) -> None:
        self._database = database
        self._rows = Together(finding(database, "find"))
        self._copies = Together(finding(replica, "find_replica")) if replica else None

    async def of(self, address: Address, now: int) -> Registered | None:
        """Return the subscription of *address*, `None` when there is none or it has expired."""
        return registered(await self._rows.get(address.raw), now)

    @property
    def may_lag(self) -> bool:
        """Whether what `find` returns may have been replaced before it was asked."""
        return self._copies is not None

    async def find(self, address: Address, now: int) -> Registered | None:
        """Return what `of` returns, or returned a moment ago: a replica is asked first, if there is one.

        Whoever is not there may have registered since, so that the database is asked all the same.
        """
        copy = await self._copies.get(address.raw) if self._copies else None
        return registered(copy, now) or await self.of(address, now)

    async def remember(
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

    async def forget(self, address: Address, sent_at: int) -> None:
        """Leave nothing of *address* but itself and *sent_at*. Raise `StaleUpdate` like `remember`."""
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

    async def drop(self, address: Address, gone: Browser) -> bool:
        """Delete the row of *address* if its subscription is still the one that is *gone*; tell if it was."""
        dropped = delete(_table).where(*_is(address, gone)).returning(_row.address)
        return bool(await self._database.fetch(dropped, "drop"))

    async def assign(self, address: Address, subscription: Browser, vapid_key: str) -> None:
        """Correct the key of *address*, as long as *subscription* is the one that it was found out for."""
        row = update(_table).where(*_is(address, subscription)).values(vapid_key=vapid_key)
        await self._database.fetch(row, "assign")

    async def purge(self, now: int) -> int | None:
        """Delete what has expired, and return how many rows; so many at a time that none has to wait.

        Those who asked to be forgotten go as long after that as a registration lives. `None`: another is
        at it.
        """
        some = _PURGE.bindparams(now=now, forgotten=now - SUBSCRIPTION_LIFE_MS)
        purged: int | None = None
        while True:
            mine, gone = tuple((await self._database.fetch(some, "purge"))[0])
            if mine:
                purged = (purged or 0) + gone
            if not gone:
                return purged

    async def _replace(self, name: str, **values: Any) -> None:  # noqa: ANN401 - column values
        new = insert(_table).values(**values)
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


def _is(address: Address, subscription: Browser) -> list[ColumnElement[bool]]:
    """Return what is true of the row of *address* as long as *subscription* is its own."""
    return [
        _row.address == address.raw,
        _row.endpoint == subscription.endpoint.url,
        _row.p256dh == subscription.keys.p256dh,
        _row.auth == subscription.keys.auth,
    ]


def _same(new: Any, names: Iterable[str]) -> list[ColumnElement[bool]]:  # noqa: ANN401 - SQLAlchemy's excluded
    return [new[name].is_not_distinct_from(_row[name]) for name in names]
