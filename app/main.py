"""Application factory: construction, wiring and lifespan of the services."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from pydantic import SecretStr
from sqlalchemy.engine import URL
from starlette.types import ASGIApp

from app.api import docs_page, error_handling, service_routes
from app.api.call_dispatcher import CallDispatcher
from app.api.config import ClientConfig
from app.api.cors import Cors
from app.api.error_handling import ErrorHandler
from app.api.head_support import HeadSupport
from app.api.ice_servers import IceServers
from app.api.metrics_listener import MetricsListener
from app.api.root_path import RootPath
from app.api.security_headers import SecurityHeaders
from app.api.state import AppState, Clock, LifespanState
from app.api.web_app import Pages
from app.clocks import monotonic_clock, server_clock
from app.limits.concurrency import LIMITS, ConcurrencyLimit
from app.limits.rate_limits import RateLimits
from app.limits.redis_buckets import open_redis_buckets
from app.push.deadlines import PRODUCTION, Deadlines
from app.push.delivery import open_deliverer
from app.push.sender import PushSender
from app.push.ssrf_guard import INTERNET, Network
from app.push.vapid import Keyring
from app.relay import Relay
from app.settings import Settings, load
from app.store import schema
from app.store.database import open_database
from app.store.purge import run_purger
from app.store.replica import open_replica
from app.store.subscriptions import Subscriptions
from app.store.url import parse_url
from app.telemetry.buffered_metrics import run_publisher
from app.telemetry.metrics import Metrics
from app.telemetry.request_log import Observer, RequestLog
from app.telemetry.tracing import open_tracing

# FastAPI's own would tell paths and exceptions as they came; telemetry/request_log.py decides what is told.
FRAMEWORK_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)

Middleware = Callable[[ASGIApp], ASGIApp]

VERSION = version("whisper-server")


@dataclass(frozen=True, slots=True)
class Environment:
    """Environment of an application, which tests replace: clocks, network and deadlines."""

    clock: Clock
    monotonic_ms: Clock
    network: Network
    deadlines: Deadlines


def create_app(
    settings: Settings | None = None,
    clock: Clock = server_clock,
    network: Network = INTERNET,
    monotonic_ms: Clock = monotonic_clock,
    deadlines: Deadlines = PRODUCTION,
    start: Callable[[AppState], Mapping[str, object]] = lambda _: {},
) -> ASGIApp:
    """Build the application. Raise `InvalidSettings` when it can't work as it is set.

    *start* is called once its services run, and returns what else is the lifespan's state.
    """
    settings = settings or load()
    environment = Environment(clock, monotonic_ms, network, deadlines)
    url, keyring = parse_url(settings.require_database_url()), settings.require_vapid()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        async with _open_services(settings, url, keyring, environment) as app_state:
            yield {**LifespanState(app=app_state), **start(app_state)}

    api = FastAPI(
        title="Whisper",
        version=VERSION,
        lifespan=lifespan,
        exception_handlers=error_handling.HANDLERS,
        openapi_url=None,  # api/docs_page.py serves the document: calls are none of FastAPI's routes
        redirect_slashes=False,
        telemetry=FRAMEWORK_TELEMETRY,
    )
    api.include_router(service_routes.router)
    api.include_router(docs_page.router)
    pages = Pages(api, {**settings.require_web_app(), **docs_page.SWAGGER_FILES})
    app = CallDispatcher(HeadSupport(pages))
    return _wrap(app, _middleware(settings))


def _wrap(app: ASGIApp, layers: Sequence[Middleware]) -> ASGIApp:
    """Put the middleware of *layers* around *app*, the first of them outermost."""
    for layer in reversed(layers):
        app = layer(app)
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    """Return all layers, the first outermost. What is not set costs a call nothing."""
    optional: list[Middleware] = []
    if settings.root_path:
        optional.append(partial(RootPath, root_path=settings.root_path))
    if settings.metrics_listen:
        optional.append(partial(MetricsListener, address=settings.metrics_listen))
    cors = partial(Cors, origins=settings.cors_origins)
    return [RequestLog, SecurityHeaders, *optional, cors, ErrorHandler]


@asynccontextmanager
async def _open_services(
    settings: Settings, url: URL, keyring: Keyring, environment: Environment
) -> AsyncIterator[AppState]:
    clock, monotonic_ms, key = environment.clock, environment.monotonic_ms, keyring.oldest.key
    metrics = Metrics(VERSION, settings.max_in_flight, [*settings.rates, *LIMITS])
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        await enter(run_publisher(metrics))
        observer = Observer(metrics, await enter(open_tracing(settings.otlp_endpoint, VERSION)), monotonic_ms)
        database = await enter(open_database(url, observer.record_statement, monotonic_ms))
        replica = await enter(open_replica(_replica_url(settings), observer.record_statement, monotonic_ms))
        redis_url, secret = _reveal(settings.redis_url), key.derive("limits")
        shared = await enter(
            open_redis_buckets(redis_url, settings.rates, secret, metrics.record_redis, monotonic_ms)
        )
        network, deadlines = settings.network(environment.network), environment.deadlines
        deliverer = await enter(
            open_deliverer(network, observer.record_push, monotonic_ms, deadlines, settings.max_in_flight)
        )
        subscriptions = Subscriptions(database, replica, key.derive("gone"), settings.max_devices)
        await enter(run_purger(database, clock, metrics.record_purge))
        push = PushSender(
            keyring, settings.endpoint_policy, deliverer, monotonic_ms, deadlines, observer.record_push_begin
        )
        ice_servers = IceServers(settings.ice_servers, _reveal(settings.turn_secret))
        window = settings.clock_window_ms
        yield AppState(
            relay=_make_relay(settings, subscriptions, push),
            observer=observer,
            clock=clock,
            monotonic_ms=monotonic_ms,
            clock_window_ms=window,
            in_flight_limit=ConcurrencyLimit(
                settings.max_in_flight, observer.record_limit, observer.record_place, settings.shares
            ),
            rate_limits=RateLimits(settings.rates, metrics.record_limit, shared),
            ice_servers=ice_servers,
            client_config=ClientConfig(keyring.newest.key.public_text, ice_servers, window),
            check_ready=schema.SharedCheck(database),
        )


def _make_relay(settings: Settings, subscriptions: Subscriptions, push: PushSender) -> Relay:
    charges_unregistered = "unregistered_senders" in settings.rates
    window, max_waiting = settings.clock_window_ms, settings.max_waiting_repeats
    return Relay(subscriptions, push, window, max_waiting, charges_unregistered=charges_unregistered)


def _replica_url(settings: Settings) -> URL | None:
    url = _reveal(settings.database_replica_url)
    return parse_url(url) if url else None


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
