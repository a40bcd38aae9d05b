"""What a registration costs Postgres: `python -m bench.rows`, on the embedded one, in a minute or so.

Endpoints are taken to have 200 bytes: those of browsers have between 170 and 260.
"""

import asyncio
import random
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.home import embedded_postgres
from app.protocol.keys import Address
from app.store import schema
from app.store.database import Database, connected, parse_url
from app.store.subscriptions import Subscriptions
from tests.vectors_of import subscription_at

ROWS = 100_000
ENDPOINT = "https://fcm.googleapis.com/fcm/send/".ljust(200, "x")
NOW = 1_760_000_000_000
LATER = NOW + 10_000_000
BATCH = 10_000  # rows that are written within the 1.5 s of a statement
RENEWALS = 5  # of everybody, a tenth at a time, with a VACUUM after each tenth as autovacuum would
SINGLE = 2_000  # updates by themselves, as people send them, for what each writes

FILL = text("""
    INSERT INTO subscription (address, endpoint, p256dh, auth, expires_at, signed_at, vapid_key)
    SELECT sha256(n::text::bytea), rpad('https://fcm.googleapis.com/fcm/send/' || n, 200, md5(n::text)),
        '\\x04' || sha256(n::text::bytea) || sha256(n::text::bytea), substr(sha256(n::text::bytea), 1, 16),
        :now + n, :now, 'BNcRdreA'
    FROM generate_series(:first, :last) AS n
""")
RENEW = text("""
    UPDATE subscription SET expires_at = expires_at + 1000, signed_at = signed_at + 1000
    WHERE get_byte(address, 0) % 10 = :tenth
""")
SIZES = text("""
    SELECT 'table', pg_table_size('subscription')
    UNION ALL SELECT 'index ' || indexrelid::regclass, pg_relation_size(indexrelid)
    FROM pg_index WHERE indrelid = 'subscription'::regclass
    UNION ALL SELECT 'in all', pg_total_relation_size('subscription')
""")


async def measure(url: str) -> None:
    """Print the bytes that a row has, new and renewed, and those that an update writes."""
    async with connected(parse_url(url)) as database:
        for start in range(0, ROWS, BATCH):
            await database.fetch(FILL.bindparams(now=NOW, first=start, last=start + BATCH - 1))
        await database.fetch(text("VACUUM ANALYZE subscription"))
        print(f"bytes for each of {ROWS} registrations:")
        new = await sizes(database)
        for _ in range(RENEWALS):
            for tenth in range(10):
                await database.fetch(RENEW.bindparams(tenth=tenth))
                await database.fetch(text("VACUUM subscription"))
        renewed = await sizes(database)
        for name, size in new.items():
            print(f"  {name:40} {size:6.0f} new {renewed[name]:6.0f} after {RENEWALS} renewals")
        first, again = await written(database)
        print(f"bytes of WAL for an update: {first:.0f} right after a checkpoint, {again:.0f} later")


async def sizes(database: Database) -> dict[str, float]:
    """Return the bytes for each row, by what holds them."""
    found: list[Any] = list(await database.fetch(SIZES))
    return {name: size / ROWS for name, size in found}


async def written(database: Database) -> tuple[float, float]:
    """Return what an update writes for replicas and backups: to pages that no checkpoint has seen, and again.

    The first change of a page after a checkpoint writes all of it.
    """
    position = text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
    people = [
        Address.of(sha256(str(number).encode()).digest()) for number in random.sample(range(ROWS), SINGLE)
    ]
    subscriptions, subscription = Subscriptions(database), subscription_at(ENDPOINT)
    await database.fetch(text("CHECKPOINT"))
    positions = [(await database.fetch(position))[0][0]]
    for now in (LATER, LATER + 1):
        for person in people:
            await subscriptions.remember(person, subscription, now, now)
        positions.append((await database.fetch(position))[0][0])
    first, second, third = map(int, positions)
    return (second - first) / SINGLE, (third - second) / SINGLE


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="pg") as home, embedded_postgres(Path(home)) as place:
        schema.migrate(parse_url(place))
        asyncio.run(measure(place))
