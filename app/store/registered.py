"""Who is registered, as it is stored: what every call looks for, several at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from asyncpg import Record

from app.protocol.subscription import Endpoint
from app.store.database import Database
from app.store.replica import Replica


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a browser: a point on P-256, and a secret."""

    p256dh: bytes
    auth: bytes


@dataclass(frozen=True, slots=True)
class Registered:
    """A subscription as it is kept: with the id of the server's key that it came with, if that is known."""

    endpoint: Endpoint
    keys: Keys
    vapid_key: str | None = None


# One text and one parameter, however many are looked for.
_FIND = """
    SELECT address, endpoint, p256dh, auth, expires_at, vapid_key FROM subscription
    WHERE address = ANY($1::bytea[]) AND endpoint IS NOT NULL
"""
_Rows = Mapping[bytes, Record]


def finding(database: Database | Replica, name: str) -> Callable[[Sequence[bytes]], Awaitable[_Rows]]:
    """Return what finds the rows of some addresses, by address; *name* is what it is measured as."""

    async def find(addresses: Sequence[bytes]) -> _Rows:
        return {row["address"]: row for row in await database.look_up(_FIND, addresses, name=name)}

    return find


def registered(row: Record | None, now: int) -> Registered | None:
    """Return the value of *row*, not judged again; `None` for no row, or one that expired. *now* in ms."""
    if row is None:
        return None
    _, endpoint, p256dh, auth, expires_at, vapid_key = row
    return Registered(Endpoint.known(endpoint), Keys(p256dh, auth), vapid_key) if expires_at > now else None
