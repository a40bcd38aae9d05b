"""Storage cost of a registration in the embedded Postgres: `python -m bench.storage_cost`, about a minute."""

import asyncio
import random
import time
from hashlib import sha256

import asyncpg

from app.clocks import monotonic_clock
from app.protocol.keys import Address
from app.protocol.subscription import Subscription
from app.store.database import log_statement, open_database
from app.store.subscriptions import Subscriptions
from app.store.url import parse_url
from bench.harness.database import add_others, postgres
from bench.load.workload import Subscription as Registered

ROWS = 100_000
ORIGIN = "https://fcm.googleapis.com"
RENEWALS = 5  # of all rows, a tenth at a time, with a VACUUM after each tenth as autovacuum would
SINGLE = 2_000  # updates by themselves, as people send them, for what each writes

TABLES = ["device", "subscription"]
RENEW = """
UPDATE {table} SET expires_at = expires_at + 1000, signed_at = signed_at + 1000
WHERE get_byte(address, 0) % 10 = $1
"""
SIZES = """
SELECT 'table ' || name AS name, pg_table_size(name) AS bytes FROM unnest($1::text[]) AS name
UNION ALL SELECT 'index ' || indexrelid::regclass, pg_relation_size(indexrelid)
FROM pg_index WHERE indrelid = ANY($1::regclass[])
UNION ALL SELECT 'in all', sum(pg_total_relation_size(name)) FROM unnest($1::text[]) AS name
"""


async def measure(url: str) -> None:
    """Print the bytes that a row has, new and renewed, and those that an update writes."""
    connection = await asyncpg.connect(url)
    print(f"bytes for each of {ROWS} registrations:")
    new = await measure_sizes(connection)
    for _ in range(RENEWALS):
        for tenth in range(10):
            for table in TABLES:
                await connection.execute(RENEW.format(table=table), tenth)
                await connection.execute(f"VACUUM {table}")
    renewed = await measure_sizes(connection)
    for name, size in new.items():
        print(f"  {name:40} {size:6.0f} new {renewed[name]:6.0f} after {RENEWALS} renewals")
    first, again = await measure_wal(connection, url)
    await connection.close()
    print(f"bytes of WAL for an update: {first:.0f} right after a checkpoint, {again:.0f} later")


async def measure_sizes(connection: asyncpg.Connection) -> dict[str, float]:
    """Return the bytes for each row, by what holds them."""
    return {row["name"]: row["bytes"] / ROWS for row in await connection.fetch(SIZES, TABLES)}


async def measure_wal(connection: asyncpg.Connection, url: str) -> tuple[float, float]:
    """Return what an update writes for replicas and backups: to pages that no checkpoint has seen, and again.

    The first change of a page after a checkpoint writes all of it.
    """
    people = [Address.of(sha256(b"%d" % number).digest()) for number in random.sample(range(1, ROWS), SINGLE)]
    subscription = Subscription.model_validate(Registered.at(ORIGIN, 0).as_data)
    positions: list[int] = []
    async with open_database(parse_url(url), log_statement, monotonic_clock) as database:
        subscriptions = Subscriptions(database)
        began = time.time_ns() // 1_000_000
        for now in (began, began + 1, began + 2):  # the first gives each device its id
            for person in people:
                await subscriptions.upsert(person, subscription, now, now)
            if not positions:
                await connection.execute("CHECKPOINT")
            positions.append(await _position(connection))
    first, second, third = positions
    return (second - first) / SINGLE, (third - second) / SINGLE


async def _position(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))


if __name__ == "__main__":
    with postgres() as place:
        add_others(place, ORIGIN, ROWS)
        asyncio.run(measure(place))
