"""Connectivity checks: databases, Redis, the running server's proxy, push services."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

from app.clocks import monotonic_clock
from app.doctor.finding import Finding
from app.limits.redis_buckets import open_redis_buckets
from app.limits.token_bucket import Rate
from app.protocol.errors import Refused
from app.protocol.subscription import Endpoint
from app.push.deadlines import PRODUCTION
from app.push.endpoint_policy import TRUSTED, EndpointPolicy
from app.push.http.pool_set import try_connection
from app.push.http.proxy import ProxyRefused
from app.push.ssrf_guard import Network, NotPublic
from app.settings import PREFIX, Settings
from app.store import schema
from app.store.database import log_statement, open_database
from app.store.error_classification import first_line
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable
from app.store.url import parse_url

log = logging.getLogger(__name__)

# One push service of each browser; a TLS connection shows that it can be reached.
PUSH_SERVICES = {
    "Chrome": "https://fcm.googleapis.com",
    "Firefox": "https://updates.push.services.mozilla.com",
    "Safari": "https://web.push.apple.com",
    "Edge": "https://wns2-par02p.notify.windows.com",
}
METRICS_TIMEOUT_S = 2
MAX_METRICS_BYTES = 1 << 20


async def check_connectivity(settings: Settings, url: str, network: Network) -> AsyncIterator[Finding]:
    """Connect to everything that a server with *settings* and the database at *url* connects to."""
    yield await _check_database(settings, url)
    if settings.database_replica_url:
        yield await _check_replica(settings.database_replica_url.get_secret_value())
    if settings.redis_url:
        yield await _check_redis(settings.redis_url.get_secret_value())
    if exposition := await _read_metrics(settings):
        yield _check_proxy(exposition)
    for check in asyncio.as_completed(_check_push_services(settings.endpoint_policy, network)):
        yield await check


async def _check_database(settings: Settings, url: str) -> Finding:
    subject = "database and schema" if settings.database_url else "embedded Postgres"
    async with open_database(parse_url(url), log_statement, monotonic_clock) as database:
        try:
            if settings.database_url is None:
                await schema.read_revision(database)  # `whisper serve` migrates its own
            else:
                await schema.check(database)
        except (Refused, DatabaseMisconfigured) as fault:
            return Finding(subject, f"{_format_reason(fault)} See {PREFIX}DATABASE_URL.")
    return Finding(subject)


async def _check_replica(url: str) -> Finding:
    async with open_database(parse_url(url), log_statement, monotonic_clock) as replica:
        try:
            await schema.check(replica)
        except (Refused, DatabaseMisconfigured) as fault:
            reason = _format_reason(fault).replace(DatabaseUnavailable.reason, "It is unavailable.")
            remedy = f"servers do without it. {reason} See {PREFIX}DATABASE_REPLICA_URL."
            return Finding("replica", remedy)
    return Finding("replica")


def _format_reason(fault: Refused | DatabaseMisconfigured) -> str:
    if isinstance(fault, DatabaseMisconfigured):
        return f"The database says: {fault}."
    return f"{fault.reason} ({first_line(fault.__cause__)})" if fault.__cause__ else fault.reason


def _log_answer(outcome: str, seconds: float) -> None:
    log.debug("Redis: %s in %.1f ms", outcome, 1000 * seconds)


async def _check_redis(url: str) -> Finding:
    async with open_redis_buckets(url, {"doctor": Rate(1, 1)}, b"", _log_answer, monotonic_clock) as shared:
        if shared and await shared.take({}, peeked={"doctor": b""}) is None:
            return Finding("Redis", f"each server counts its limits alone. See {PREFIX}REDIS_URL.")
    return Finding("Redis")


async def _read_metrics(settings: Settings) -> str:
    """Return the metrics of the server that runs with these settings, or nothing if none answers."""
    address = settings.metrics_listen
    if address is None:
        return ""
    try:
        async with asyncio.timeout(METRICS_TIMEOUT_S):
            if isinstance(address, Path):
                reader, writer = await asyncio.open_unix_connection(address)
            else:  # the unspecified address leads to this machine
                reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await _read_to_end(reader)
            writer.close()
    except OSError:
        return ""
    return answer if answer.startswith("HTTP/1.1 200 ") else ""


async def _read_to_end(reader: asyncio.StreamReader) -> str:
    try:
        answer = await reader.readexactly(MAX_METRICS_BYTES)
    except asyncio.IncompleteReadError as ended:
        answer = ended.partial
    return answer.decode(errors="replace")


def _check_proxy(exposition: str) -> Finding:
    untrusted = "\nwhisper_untrusted_proxy 1.0\n" in exposition
    remedy = (
        f"all clients share its limits: put its address, which is in the log, into {PREFIX}TRUSTED_PROXIES"
    )
    return Finding("reverse proxy", remedy if untrusted else None)


def _check_push_services(policy: EndpointPolicy, network: Network) -> list[Awaitable[Finding]]:
    browsers = PUSH_SERVICES if policy.has_browsers else {}
    origins = {origin: origin for origin in policy.origins}
    return [_connect(policy, network, name, origin) for name, origin in (browsers | origins).items()]


async def _connect(policy: EndpointPolicy, network: Network, name: str, origin: str) -> Finding:
    """Connect as a push does: with the same resolver, guard and proxy."""
    endpoint = Endpoint.parse(f"{origin}/")
    service = policy.classify(endpoint)
    proxied = network.proxy is not None and service != TRUSTED
    subject = f"push service {name} by way of {PREFIX}EGRESS_PROXY" if proxied else f"push service {name}"
    try:
        await try_connection(endpoint, service, network, PRODUCTION)
    except OSError as error:
        return Finding(subject, f"{origin} can't be reached: {_explain_failure(error, proxied=proxied)}")
    return Finding(subject)


def _explain_failure(error: OSError, *, proxied: bool) -> str:
    if isinstance(error, NotPublic):
        return (
            f"{error}: DNS is blocked or redirected here; behind NAT64 set {PREFIX}NAT64_PREFIX, "
            f"behind a proxy {PREFIX}EGRESS_PROXY"
        )
    if isinstance(error, ProxyRefused):
        return f"{error}: check its rules, user and password"
    return f"{type(error).__name__}: check {'the proxy' if proxied else 'DNS and firewall'}"
