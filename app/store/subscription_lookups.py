"""Look-ups of subscriptions by address: batched, on a replica, and in the table of the previous version."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from asyncpg import Record

from app.protocol.keys import Address
from app.protocol.subscription import Endpoint, PushTarget
from app.store.batch_loader import BatchLoader
from app.store.database import Database
from app.store.keyed_hashes import KeyedHashes
from app.store.replica import Replica

# One text and one parameter, however many addresses are looked up.
_FIND = """
    SELECT address, endpoint, p256dh, auth, expires_at, vapid_key, updated_at, device FROM device
    WHERE address = ANY($1::bytea[]) AND endpoint IS NOT NULL
"""

# With tombstones and marks, and the newest of each address, for or from the version before: a row without a
# device.
_FIND_ALL = """
    SELECT address, endpoint, p256dh, auth, expires_at, vapid_key, updated_at, device FROM device
    WHERE address = ANY($1::bytea[])
    UNION ALL
    SELECT address, endpoint, p256dh, auth, expires_at, vapid_key, coalesce(signed_at, 0), NULL
    FROM subscription WHERE address = ANY($1::bytea[])
"""


class StoredSubscription(NamedTuple):
    """A push target as it is stored, with the id of the VAPID key that it was subscribed for, if known.

    *device* is its id, *updated_at* the time of its last registration, ms. `None` for a device means that
    only the table of the version before has it.
    """

    target: PushTarget
    expires_at: int
    vapid_key: str | None
    updated_at: int
    device: str | None


# Those of one address, the one whose registration is longest ago first.
Devices = Sequence[StoredSubscription]

_Rows = Sequence[Record]


class Lookups:
    """Look-ups of an address's live subscriptions; a call is for *max_devices* at most. All times in ms."""

    def __init__(
        self, database: Database, replica: Replica | None, hashes: KeyedHashes, max_devices: int
    ) -> None:
        self._hashes = hashes
        self._max_devices = max_devices
        self._everywhere = BatchLoader(_loader(database.execute, _FIND_ALL, "find"))
        self._devices = BatchLoader(
            _loader(replica.look_up, _FIND, "find_replica")
            if replica
            else _loader(database.execute, _FIND, "find")
        )

    async def get(self, address: Address, now: int) -> Devices:
        """Return what the database has, this version's and that of the one before."""
        rows = await self._everywhere.get(address.raw)
        if rows is None:
            return []
        devices = {row["device"]: row["updated_at"] for row in rows}
        live = [row for row in rows if row["device"] and row["endpoint"]]
        endpoints = {None, *(row["endpoint"] for row in live)}
        for row in rows:
            if row["device"] is None and row["endpoint"] not in endpoints:
                device = self._hashes.device_id(address, row["endpoint"])
                # Or its owner has ended it, and it was stored a moment too late.
                live += [row] if row["updated_at"] > devices.get(device, -1) else []
        return _live(live, now)

    async def find_maybe_stale(self, address: Address, now: int) -> Devices:
        """Return what `get` returns, or returned a moment ago: a replica is asked first, if there is one.

        Whoever is not there may have registered since, or with the version before: then `get` is asked.
        """
        rows = await self._devices.get(address.raw)
        found = (_live(rows, now) if rows else None) or await self.get(address, now)
        return found[-self._max_devices :] if len(found) > self._max_devices else found

    def ask(self, address: Address) -> Future[_Rows | None]:
        """Begin to look *address* up, in one statement with whatever is asked next."""
        return self._devices.get(address.raw)

    async def is_registered(self, address: Address, asked: Future[_Rows | None], now: int) -> bool:
        """Tell whether *address*, which was `ask`ed for, has a live subscription."""
        rows = await asked or ()
        return max([row["expires_at"] for row in rows], default=0) > now or bool(await self.get(address, now))

    def ask_gone(self, address: Address, target: PushTarget) -> Future[_Rows | None]:
        """Begin to look up whether *target* is gone, in one statement with whatever is got next."""
        return self._everywhere.get(self._hashes.gone_mark(address, target.endpoint.url))


class _LookUp(Protocol):
    """Execution of a query: `Database.execute` or `Replica.look_up`."""

    def __call__(self, query: str, /, *values: object, name: str) -> Awaitable[_Rows]:
        """Return the rows."""


def _loader(
    look_up: _LookUp, query: str, name: str
) -> Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, _Rows]]]:
    """Return the loader of rows by address; *name* is what its statement is measured as."""

    async def load(addresses: Sequence[bytes]) -> Mapping[bytes, _Rows]:
        found: dict[bytes, list[Record]] = {}
        for row in await look_up(query, addresses, name=name):
            found.setdefault(row["address"], []).append(row)
        return found

    return load


def _from_row(row: Record) -> StoredSubscription:
    """Return the value of *row*, not parsed again."""
    _, endpoint, p256dh, auth, expires_at, vapid_key, updated_at, device = row
    target = PushTarget(Endpoint.from_trusted(endpoint), p256dh, auth)
    return StoredSubscription(target, expires_at, vapid_key, updated_at, device)


def _live(rows: Iterable[Record], now: int) -> Devices:
    found = [_from_row(row) for row in rows if row["expires_at"] > now]
    return sorted(found, key=_age) if len(found) > 1 else found


def _age(found: StoredSubscription) -> tuple[int, str]:
    """Return what sorts subscriptions by their registration, those of one moment always alike."""
    return found.updated_at, found.target.endpoint.url
