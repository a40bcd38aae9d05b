"""`whisper doctor`: what works, what does not, and what mends it."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass

from dotenv import dotenv_values

from app.data_dir import load_key
from app.limits.redis_buckets import open_redis_buckets
from app.limits.token_bucket import Rate
from app.protocol.errors import Refused
from app.protocol.subscription import Endpoint
from app.push.vapid import InvalidVapidKey, parse_keys
from app.settings import PREFIX, InvalidSettings, Settings
from app.store import schema
from app.store.database import first_line, open_database, parse_url

# One of each browser's push services; any answer of theirs, a refusal too, shows that they can be reached.
PUSH_SERVICES = {
    "Chrome": "https://fcm.googleapis.com",
    "Firefox": "https://updates.push.services.mozilla.com",
    "Safari": "https://web.push.apple.com",
    "Edge": "https://wns2-par02p.notify.windows.com",
}
REACH_TIMEOUT_S = 5
_RESERVED = re.compile(r"[@/.](?:example\.(?:org|com|net)|localhost|your\.domain)(?:[:/]|$)")
PUBLISHED_SECRET = "everyone-knows-this-secret"  # noqa: S105 - the one of .env.example


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; *mend* says what to do when it is not well."""

    what: str
    mend: str | None = None


async def examine(settings: Settings, url: str) -> int:
    """Print the findings about *settings* and the database at *url*; return 1 if something needs mending."""
    ill = 0
    async for finding in _findings(settings, url):
        ill += finding.mend is not None
        print(f"ok    {finding.what}" if finding.mend is None else f"FAIL  {finding.what}: {finding.mend}")
    print("All is well." if not ill else f"{ill} to mend.")
    return int(bool(ill))


async def _findings(settings: Settings, url: str) -> AsyncIterator[Finding]:
    for finding in _unknown_variables():
        yield finding
    yield await _database(settings, url)
    if settings.database_replica_url:
        yield await _replica(settings.database_replica_url.get_secret_value())
    if settings.redis_url:
        yield await _redis(settings.redis_url.get_secret_value())
    for finding in _identity(settings):
        yield finding
    if settings.turn_secret and settings.ice_servers:
        published = settings.turn_secret.get_secret_value() == PUBLISHED_SECRET
        yield Finding("TURN secret", f"everyone knows it: change {PREFIX}TURN_SECRET" if published else None)
    for reached in asyncio.as_completed(_reachability(settings)):
        yield await reached


def _unknown_variables() -> Iterator[Finding]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    given = os.environ.keys() | dotenv_values(".env").keys()
    for name in sorted(given - known):
        if name.startswith(PREFIX):
            yield Finding(f"variable {name}", "there is no such setting: see .env.example")


async def _database(settings: Settings, url: str) -> Finding:
    what = "database and schema" if settings.database_url else "embedded Postgres"
    async with open_database(parse_url(url)) as database:
        try:
            if settings.database_url is None:
                await database.revision()  # `whisper serve` migrates its own
            else:
                await schema.check(database)
        except Refused as refusal:
            why = f" ({first_line(refusal.__cause__)})" if refusal.__cause__ else ""
            return Finding(what, f"{refusal.reason}{why} See {PREFIX}DATABASE_URL.")
    return Finding(what)


async def _replica(url: str) -> Finding:
    async with open_database(parse_url(url)) as replica:
        try:
            await schema.check(replica)
        except Refused as refusal:
            why = f"servers do without it. {refusal.reason} See {PREFIX}DATABASE_REPLICA_URL."
            return Finding("replica", why)
    return Finding("replica")


def _ignore(_: str, __: float) -> None:
    """Measure nothing: the finding says all."""


async def _redis(url: str) -> Finding:
    def monotonic_ms() -> int:
        return time.monotonic_ns() // 1_000_000

    async with open_redis_buckets(url, {"doctor": Rate(1, 1)}, b"", _ignore, monotonic_ms) as shared:
        if shared and await shared.take((), peeked=[("doctor", b"")]) is None:
            return Finding("Redis", f"each server counts its limits alone. See {PREFIX}REDIS_URL.")
    return Finding("Redis")


def _identity(settings: Settings) -> Iterator[Finding]:
    yield Finding("VAPID key", _fault_of_key(settings))
    subject = settings.vapid_subject or ""
    unreal = not subject or _RESERVED.search(subject) is not None
    mend = f"set {PREFIX}VAPID_SUBJECT to a mailto: or https: where push services can reach you"
    yield Finding(f"VAPID subject {subject}".rstrip(), mend if unreal else None)


def _fault_of_key(settings: Settings) -> str | None:
    given = settings.vapid_private_key
    try:
        if given:
            parse_keys(given.get_secret_value())
        elif load_key(settings.data_dir) is None and settings.database_url:  # the embedded one makes its own
            return "`whisper vapid --keep` makes one"
    except InvalidVapidKey as fault:
        return f"it is {fault}: see {PREFIX}VAPID_PRIVATE_KEY"
    except InvalidSettings as fault:
        return str(fault)
    return None


def _reachability(settings: Settings) -> list[Awaitable[Finding]]:
    browsers = PUSH_SERVICES if settings.endpoint_policy.browsers or settings.endpoint_policy.public else {}
    origins = {origin: origin for origin in settings.endpoint_policy.origins}
    return [_reach(name, origin) for name, origin in (browsers | origins).items()]


async def _reach(name: str, origin: str) -> Finding:
    what = f"push service {name}"
    endpoint = Endpoint.parse(f"{origin}/")
    try:
        async with asyncio.timeout(REACH_TIMEOUT_S):
            tls = endpoint.scheme == "https"
            _, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=tls or None)
            writer.close()
    except OSError as error:
        return Finding(what, f"{origin} can't be reached ({type(error).__name__}): check DNS and firewall")
    return Finding(what)
