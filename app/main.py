"""Builds and connects every room; the only file that knows them all."""

import asyncio
import gc
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from pydantic import SecretStr

from app.api import documentation, errors, pages, routes
from app.api.cors import Cors
from app.api.dependencies import Clock, Parts, State
from app.api.entrance import Application, Entrance
from app.api.ice import IceServers
from app.api.insiders import Insiders
from app.api.limits import RateLimits, Room
from app.api.metrics import Metrics
from app.api.observe import Observed, Observer
from app.api.shared_limits import shared_buckets
from app.api.shield import Failures, Heads, SecureHeaders
from app.api.tracing import tracing
from app.push.deliver import deliverer
from app.push.guard import INTERNET, Network
from app.push.service import PushService
from app.relay import Relay
from app.settings import Settings, load
from app.store import schema
from app.store.database import connected, parse_url
from app.store.replica import replicated
from app.store.subscriptions import Subscriptions
from app.store.upkeep import purging

# The framework's own would tell paths and exceptions as they came; api/observe.py decides what may be told.
FRAMEWORK_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)

VERSION = version("whisper-server")

# Objects that may be made and kept before somebody looks for garbage among them: those of a hundred calls.
GARBAGE = 20_000


def server_clock() -> int:
    """Return the time, ms since the Unix epoch."""
    return time.time_ns() // 1_000_000


def steady_clock() -> int:
    """Return ms since some moment: it never jumps, whatever the machine's time is set to."""
    return time.monotonic_ns() // 1_000_000


def _end_with_parent() -> None:
    """End this worker when its parent is gone: nobody else would end it, and it holds the port."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop = asyncio.get_running_loop()
        loop.add_reader(parent.sentinel, lambda: os.kill(os.getpid(), signal.SIGTERM))


def _settle() -> None:
    """Let the garbage collector pass over what stays anyway: it stops everybody for 60 ms each second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, *gc.get_threshold()[1:])


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def create_app(
    settings: Settings | None = None,
    clock: Clock = server_clock,
    network: Network = INTERNET,
    ticks: Clock = steady_clock,
) -> FastAPI:
    """Build the application. Raise `InvalidSettings` when it can't work as it is set."""
    settings = settings or load()
    url = parse_url(settings.require_database_url())
    replica = _revealed(settings.database_replica_url)
    keyring = settings.require_vapid()
    metrics = Metrics(VERSION, settings.max_in_flight)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        _end_with_parent()
        async with AsyncExitStack() as opened:
            traces = await opened.enter_async_context(tracing(settings.otlp_endpoint, VERSION))
            observer = Observer(metrics, traces)
            database = await opened.enter_async_context(connected(url, observer.statement))
            copy = await opened.enter_async_context(
                replicated(parse_url(replica) if replica else None, observer.statement)
            )
            shared = await opened.enter_async_context(
                shared_buckets(
                    _revealed(settings.redis_url),
                    settings.rates,
                    keyring.oldest.key.derive("limits"),
                    metrics.shared_limits,
                )
            )
            delivery = await opened.enter_async_context(deliverer(settings.reach, network, observer.push))
            subscriptions = Subscriptions(database, copy)
            await opened.enter_async_context(purging(subscriptions, clock, metrics.purge))
            push = PushService(keyring, settings.reach, delivery, ticks)
            parts = Parts(
                relay=Relay(subscriptions, push, settings.clock_window_ms),
                observer=observer,
                clock=clock,
                ticks=ticks,
                clock_window_ms=settings.clock_window_ms,
                room=Room(settings.max_in_flight, metrics.limit, metrics.in_flight.inc),
                rate_limits=RateLimits(settings.rates, hit=metrics.limit, shared=shared),
                insiders=Insiders(settings.metrics, has_proxies=bool(settings.trusted_proxies)),
                vapid_public_key=keyring.newest.key.public_text,
                ice_servers=IceServers(settings.ice_servers, _revealed(settings.turn_secret)),
                ready=lambda: schema.check(database),
            )
            _settle()
            yield State(parts=parts)

    app = Application(
        layers=[
            Observed,
            SecureHeaders,
            partial(Cors, origins=settings.cors_origins, clock=clock),
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
    app.add_middleware(Failures)
    app.add_middleware(Heads)
    return app
