"""Builds and connects every room; the only file that knows them all."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from pydantic import SecretStr

from app.api import documentation, errors, pages, routes
from app.api.cors import CorsMiddleware
from app.api.entrance import Application, Entrance
from app.api.headers import CatchAll, HeadSupport, SecurityHeaders
from app.api.ice_servers import IceServers
from app.api.metrics_access import MetricsAccess
from app.api.state import AppState, Clock, LifespanState
from app.clocks import monotonic_clock, server_clock
from app.limits.concurrency import ConcurrencyLimit
from app.limits.rate_limits import RateLimits
from app.limits.redis_buckets import open_redis_buckets
from app.push.deadlines import PRODUCTION, Deadlines
from app.push.delivery import open_deliverer
from app.push.guard import INTERNET, Network
from app.push.service import PushService
from app.relay import Relay
from app.settings import Settings, load
from app.store import schema
from app.store.database import open_database
from app.store.replica import open_replica
from app.store.subscriptions import Subscriptions
from app.store.upkeep import run_purger
from app.store.url import parse_url
from app.telemetry.metrics import Metrics
from app.telemetry.request_log import Observer, RequestLog
from app.telemetry.tracing import open_tracing

# The framework's own would tell paths and exceptions as they came; api/observe.py decides what may be told.
FRAMEWORK_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)

VERSION = version("whisper-server")


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def create_app(
    settings: Settings | None = None,
    clock: Clock = server_clock,
    network: Network = INTERNET,
    monotonic_ms: Clock = monotonic_clock,
    deadlines: Deadlines = PRODUCTION,
) -> FastAPI:
    """Build the application. Raise `InvalidSettings` when it can't work as it is set."""
    settings = settings or load()
    url = parse_url(settings.require_database_url())
    replica = _revealed(settings.database_replica_url)
    keyring = settings.require_vapid()
    metrics = Metrics(VERSION, settings.max_in_flight)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[LifespanState]:
        async with AsyncExitStack() as opened:
            traces = await opened.enter_async_context(open_tracing(settings.otlp_endpoint, VERSION))
            observer = Observer(metrics, traces)
            database = await opened.enter_async_context(open_database(url, observer.statement, monotonic_ms))
            copy = await opened.enter_async_context(
                open_replica(parse_url(replica) if replica else None, observer.statement, monotonic_ms)
            )
            shared = await opened.enter_async_context(
                open_redis_buckets(
                    _revealed(settings.redis_url),
                    settings.rates,
                    keyring.oldest.key.derive("limits"),
                    metrics.shared_limits,
                    monotonic_ms,
                )
            )
            delivery = await opened.enter_async_context(
                open_deliverer(network, observer.push, monotonic_ms, deadlines)
            )
            subscriptions = Subscriptions(database, copy)
            await opened.enter_async_context(run_purger(subscriptions, clock, metrics.purge))
            push = PushService(keyring, settings.endpoint_policy, delivery, monotonic_ms, deadlines)
            app_state = AppState(
                relay=Relay(subscriptions, push, settings.clock_window_ms),
                observer=observer,
                clock=clock,
                monotonic_ms=monotonic_ms,
                clock_window_ms=settings.clock_window_ms,
                in_flight_limit=ConcurrencyLimit(
                    settings.max_in_flight, metrics.limit, metrics.in_flight.inc
                ),
                rate_limits=RateLimits(settings.rates, metrics.limit, shared),
                metrics_access=MetricsAccess(settings.metrics, has_proxies=bool(settings.trusted_proxies)),
                vapid_public_key=keyring.newest.key.public_text,
                ice_servers=IceServers(settings.ice_servers, _revealed(settings.turn_secret)),
                ready=lambda: schema.check(database),
            )
            yield LifespanState(app=app_state)

    app = Application(
        layers=[
            RequestLog,
            SecurityHeaders,
            partial(CorsMiddleware, origins=settings.cors_origins, clock=clock),
            partial(Entrance, doors=routes.doors.routes),
        ],
        title="Whisper",
        version=VERSION,
        description=documentation.DESCRIPTION,
        routes=routes.doors.routes,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=FRAMEWORK_TELEMETRY,
    )
    app.include_router(routes.router)
    app.include_router(pages.router(settings.require_web_app()))
    errors.install(app)
    documentation.install(app)
    app.add_middleware(CatchAll)
    app.add_middleware(HeadSupport)
    return app
