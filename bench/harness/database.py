"""Benchmark database: an embedded Postgres with the registered users, and as many other rows as wanted."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url

from app.embedded_postgres.lifecycle import run_embedded_postgres
from app.protocol.keys import Address
from app.store import schema
from app.store.keyed_hashes import KeyedHashes
from app.store.url import parse_url
from bench.harness.processes import VAPID
from bench.load.workload import SUBSCRIPTIONS_FROM, Person, Subscription, people_with_devices, population

_LIFE_MS = 90 * 24 * 60 * 60 * 1000
_COLUMNS = ["address", "endpoint", "p256dh", "auth", "expires_at", "signed_at", "vapid_key"]

# Devices of all who have none yet; their endpoints differ in a digit.
_DEVICES = """
INSERT INTO device (address, device, endpoint, p256dh, auth, expires_at, updated_at, signed_at, vapid_key)
SELECT address, left(encode(sha256(address || number::text::bytea), 'base64'), 12),
       left(endpoint, -1) || number, p256dh, auth, expires_at, 1, signed_at, vapid_key
FROM subscription, generate_series(1, $1::int) AS number
WHERE NOT EXISTS (SELECT FROM device WHERE device.address = subscription.address)
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


def add_others(url: str, origin: str, people: int, devices: int = 1) -> None:
    """Add so many *people* who never call, with so many *devices* each."""
    asyncio.run(_add(url, origin, people, devices))


async def _register(url: str, origin: str) -> None:
    people = population() + people_with_devices()
    devices = [
        (person, Subscription.at(origin, number + SUBSCRIPTIONS_FROM * device))
        for number, person in enumerate(people)
        for device in range(person.devices)
    ]
    newest = {person.raw: _values(person, each) for person, each in devices}
    rows = [(*_values(person, each), _device_id(person, each), 1) for person, each in devices]
    connection = await asyncpg.connect(url)
    await connection.copy_records_to_table("subscription", records=list(newest.values()), columns=_COLUMNS)
    await connection.copy_records_to_table(
        "device", records=rows, columns=[*_COLUMNS, "device", "updated_at"]
    )
    await connection.execute("VACUUM ANALYZE subscription, device")
    await connection.close()


def _values(person: Person, subscription: Subscription) -> tuple[Any, ...]:
    content = (subscription.endpoint, subscription.p256dh, subscription.auth)
    return person.raw, *content, time.time_ns() // 1_000_000 + _LIFE_MS, 1, VAPID.id


def _device_id(person: Person, subscription: Subscription) -> str:
    """Return the id that the server gives: a renewal finds its row by it."""
    return KeyedHashes(VAPID.derive("gone")).device_id(Address(person.raw), subscription.endpoint)


async def _copy(url: str) -> None:
    connection = await asyncpg.connect(
        make_url(url).set(database="template1").render_as_string(hide_password=False)
    )
    await connection.execute(f"CREATE DATABASE copied TEMPLATE {make_url(url).database}")
    await connection.close()


async def _add(url: str, origin: str, people: int, devices: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_OTHERS, origin, time.time_ns() // 1_000_000 + _LIFE_MS, people, VAPID.id)
    await connection.execute(_DEVICES, devices)
    await connection.execute("VACUUM ANALYZE subscription, device")
    await connection.execute("CHECKPOINT")  # or it comes while something is measured
    await connection.close()
