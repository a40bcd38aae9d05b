"""ASGI application of a server process, which prepares the process for it."""

from collections.abc import Mapping

from starlette.types import ASGIApp

from app import main
from app.api.state import AppState
from app.push.deadlines import PRODUCTION, Deadlines
from app.server.connection_context import CONTEXT, ConnectionContext, Timeouts
from app.server.connection_limits import ConnectionLimits, connection_budget
from app.server.process import freeze_gc, prepare_process, raise_file_limit, stop_with_parent
from app.settings import Settings, load


def create_app() -> ASGIApp:
    """Build the application of a server process, which is prepared for it."""
    settings = load()
    return build_app(settings, Timeouts(keep_alive_s=settings.keep_alive_seconds), PRODUCTION)


def build_app(settings: Settings, timeouts: Timeouts, deadlines: Deadlines) -> ASGIApp:
    """Build the application with these *timeouts* of connections and *deadlines* of pushes."""
    prepare_process()
    budget = connection_budget(raise_file_limit(), settings.max_in_flight)
    per_client = min(settings.max_connections_per_client, budget // 2)  # or one would have it all
    limits = ConnectionLimits(per_client, budget, settings.trusted_proxies)

    def start(state: AppState) -> Mapping[str, object]:
        stop_with_parent()
        freeze_gc()
        return {CONTEXT: ConnectionContext.of(state, limits, timeouts)}

    return main.create_app(settings, deadlines=deadlines, start=start)
