"""Benchmark database: an embedded Postgres with the registered users, and as many other rows as wanted."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from app.embedded_postgres.lifecycle import run_embedded_postgres
from app.store import schema
from app.store.url import parse_url
from bench.processes import VAPID
from bench.workload import Subscription, population

_LIFE_MS = 90 * 24 * 60 * 60 * 1000
_COLUMNS = ["address", "endpoint", "p256dh", "auth", "expires_at", "signed_at", "vapid_key"]

# Each row is a device, and the newest subscription of its address, as a server stores it.
_DEVICES = """
INSERT INTO device (address, device, endpoint, p256dh, auth, expires_at, updated_at, signed_at, vapid_key)
SELECT address, left(encode(address, 'base64'), 12), endpoint, p256dh, auth, expires_at, 1, signed_at,
       vapid_key
FROM subscription ON CONFLICT DO NOTHING
"""

# Users who never call, generated in SQL. Endpoints of browsers have between 170 and 260 bytes.
_OTHERS = """
INSERT INTO subscription (address, endpoint, p256dh, auth, expires_at, signed_at, vapid_key)
SELECT sha256(number::text::bytea), rpad($1 || '/wpush/v2/' || number, 200, 'g'),
       '\\x04'::bytea || sha256(number::text::bytea) || sha256(number::text::bytea),
       substring(sha256(number::text::bytea) FOR 16), $2 + number, 1, $4
FROM generate_series(1::bigint, $3::bigint) AS number
ON CONFLICT DO NOTHING
"""


@contextmanager
def postgres() -> Iterator[str]:
    """Run a Postgres of our own with the newest schema, and yield its URL."""
    with tempfile.TemporaryDirectory(prefix="bench") as home, run_embedded_postgres(Path(home)) as url:
        schema.migrate(parse_url(url))
        yield url


def register_population(url: str, origin: str) -> None:
    """Register all users at the push service *origin*."""
    asyncio.run(_register(url, origin))


def copy_database(url: str) -> str:
    """Copy a database without sessions, and return its URL."""
    asyncio.run(_copy(url))
    return make_url(url).set(database="copied").render_as_string(hide_password=False)


def add_others(url: str, origin: str, rows: int) -> None:
    """Add so many *rows* of users who never call."""
    asyncio.run(_add(url, origin, rows))


async def _register(url: str, origin: str) -> None:
    expires_at = time.time_ns() // 1_000_000 + _LIFE_MS
    subscriptions = [
        (person.raw, each.endpoint, each.p256dh, each.auth, expires_at, 1, VAPID.id)
        for number, person in enumerate(population())
        for each in [Subscription.at(origin, number)]
    ]
    connection = await asyncpg.connect(url)
    await connection.copy_records_to_table("subscription", records=subscriptions, columns=_COLUMNS)
    await connection.execute(_DEVICES)
    await connection.execute("VACUUM ANALYZE subscription, device")
    await connection.close()


async def _copy(url: str) -> None:
    connection = await asyncpg.connect(
        make_url(url).set(database="template1").render_as_string(hide_password=False)
    )
    await connection.execute(f"CREATE DATABASE copied TEMPLATE {make_url(url).database}")
    await connection.close()


async def _add(url: str, origin: str, rows: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_OTHERS, origin, time.time_ns() // 1_000_000 + _LIFE_MS, rows, VAPID.id)
    await connection.execute(_DEVICES)
    await connection.execute("VACUUM ANALYZE subscription, device")
    await connection.execute("CHECKPOINT")  # or it comes while something is measured
    await connection.close()
