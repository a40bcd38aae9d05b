"""Builds and connects every room; the only file that knows them all."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.api import documentation, errors, pages, routes
from app.api.dependencies import Clock, Parts, State
from app.api.ice import IceServers
from app.api.limits import RateLimits, Room
from app.api.shield import Failures, SecureHeaders
from app.push.deliver import deliverer
from app.push.guard import INTERNET, Network
from app.push.service import PushService
from app.relay import Relay
from app.settings import Settings, load
from app.store import schema
from app.store.database import connected, parse_url
from app.store.subscriptions import Subscriptions
from app.store.upkeep import purging

PREFLIGHT_LIFE_S = 24 * 60 * 60  # browsers cap it themselves


def server_clock() -> int:
    """Return the time, ms since the Unix epoch."""
    return time.time_ns() // 1_000_000


def _end_with_parent() -> None:
    """End this worker when its parent is gone: nobody else would end it, and it holds the port."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop = asyncio.get_running_loop()
        loop.add_reader(parent.sentinel, lambda: os.kill(os.getpid(), signal.SIGTERM))


def create_app(
    settings: Settings | None = None, clock: Clock = server_clock, network: Network = INTERNET
) -> FastAPI:
    """Build the application. Raise `InvalidSettings` when it can't work as it is set."""
    settings = settings or load()
    url = parse_url(settings.require_database_url())
    vapid = settings.require_vapid()
    turn_secret = settings.turn_secret.get_secret_value() if settings.turn_secret else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        _end_with_parent()
        async with connected(url) as database, deliverer(settings.reach, network) as delivery:
            subscriptions = Subscriptions(database)
            async with purging(subscriptions, clock):
                push = PushService(vapid, settings.reach, delivery)
                parts = Parts(
                    relay=Relay(subscriptions, push, settings.clock_window_ms),
                    clock=clock,
                    clock_window_ms=settings.clock_window_ms,
                    room=Room(settings.max_in_flight),
                    rate_limits=RateLimits(settings.rates),
                    vapid_public_key=vapid.key.public_text,
                    ice_servers=IceServers(settings.ice_servers, turn_secret),
                    ready=lambda: schema.check(database),
                )
                yield State(parts=parts)

    app = FastAPI(
        title="Whisper",
        version=version("whisper-server"),
        description=documentation.DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(routes.router)
    app.include_router(pages.router(settings.require_web_app()))
    errors.install(app)
    documentation.install(app)
    app.add_middleware(Failures)
    # Credentials are allowed only because `sendBeacon` always sends them; the API has no cookies.
    everyone = "*" in settings.cors_origins
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[] if everyone else settings.cors_origins,
        allow_origin_regex=".*" if everyone else None,
        allow_credentials=True,
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type"],
        expose_headers=["Retry-After"],
        max_age=PREFLIGHT_LIFE_S,
    )
    app.add_middleware(SecureHeaders)
    return app
