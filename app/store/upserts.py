"""Batched upserts of registered devices: all that come at once in one statement, which shares its commit."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from app.store.batch_loader import BatchLoader
from app.store.database import Database

# A row replaces one that is older or the very same, which keeps the key that it came with.
_REPLACE = """
    endpoint = excluded.endpoint, p256dh = excluded.p256dh, auth = excluded.auth,
    expires_at = excluded.expires_at, signed_at = excluded.signed_at,
    vapid_key = CASE
        WHEN (old.endpoint, old.p256dh, old.auth) = (excluded.endpoint, excluded.p256dh, excluded.auth)
        THEN old.vapid_key ELSE excluded.vapid_key
    END
    WHERE old.signed_at IS NULL OR excluded.signed_at > old.signed_at OR (
        excluded.signed_at = old.signed_at
        AND (old.endpoint, old.p256dh, old.auth) = (excluded.endpoint, excluded.p256dh, excluded.auth)
    )
"""

# Rows are locked in the order of their addresses, all devices first: so no two batches, of other processes
# too, wait for each other. The newest subscription of an address is for the version before.
_STORE = """
    WITH stored AS (
        INSERT INTO device AS old
            (address, device, endpoint, p256dh, auth, expires_at, updated_at, signed_at, vapid_key)
        SELECT given.* FROM unnest(
            $1::bytea[], $2::text[], $3::text[], $4::bytea[], $5::bytea[],
            $6::bigint[], $7::bigint[], $8::bigint[], $9::text[]
        ) AS given, set_config('lock_timeout', '300ms', true)
        ON CONFLICT (address, device) DO UPDATE SET
            updated_at = excluded.updated_at, replace_older
        RETURNING address, endpoint, p256dh, auth, expires_at, signed_at, vapid_key
    ), newest AS (
        INSERT INTO subscription AS old (address, endpoint, p256dh, auth, expires_at, signed_at, vapid_key)
        SELECT * FROM stored ORDER BY address
        ON CONFLICT (address) DO UPDATE SET
            replace_older
        RETURNING address
    )
    SELECT address, newest.address IS NOT NULL AS is_newest FROM stored LEFT JOIN newest USING (address)
""".replace("replace_older", _REPLACE)


class UpsertRow(NamedTuple):
    """Row for the device table, in the order of its columns. *signed_at* is `None` for no timestamp."""

    address: bytes
    device: str
    endpoint: str
    p256dh: bytes
    auth: bytes
    expires_at: int
    updated_at: int
    signed_at: int | None
    vapid_key: str | None


class UpsertResult(Enum):
    """Outcome of an upsert."""

    NEWEST = auto()  # of its address
    NOT_NEWEST = auto()
    STALE = auto()  # not stored: what is there of the device is newer


class Upserts:
    """Writer of devices, each also as the newest subscription of its address."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batches = BatchLoader(self._store)

    async def put(self, row: UpsertRow) -> UpsertResult:
        """Store a device unless what is stored of it is newer, and tell if it is its address's newest."""
        while (stored := await self._batches.get(row)) is None:
            pass  # an earlier one of its address went first: a statement can't touch a row twice
        return stored

    async def _store(self, rows: Sequence[UpsertRow]) -> Mapping[UpsertRow, UpsertResult]:
        """Store the first of *rows* of each address. Each may safely be stored twice."""
        first = {row.address: row for row in reversed(rows)}
        columns = zip(*(first[address] for address in sorted(first)), strict=True)
        found = await self._database.execute(_STORE, *columns, name="remember")
        stored = {
            address: UpsertResult.NEWEST if is_newest else UpsertResult.NOT_NEWEST
            for address, is_newest in found
        }
        return {row: stored.get(address, UpsertResult.STALE) for address, row in first.items()}
