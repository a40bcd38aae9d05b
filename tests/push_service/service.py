"""Push service, as a test holds it."""

import socket
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self

from aiohttp import web

from tests.push_service.crypto import p256
from tests.push_service.log import Log, Received
from tests.push_service.receiver import Subscription
from tests.push_service.registry import ChannelRegistry
from tests.push_service.routes import Routes
from tests.push_service.scripted_responses import ANY, ResponseScripts
from tests.push_service.timeouts import Timeouts

DEFAULT_TIMEOUTS = Timeouts()

# Seconds that an ordinary request may take to end when the service stops.
SHUTDOWN_TIMEOUT = 1.0


class PushService:
    """A running push service; *origin* is its `http://HOST:PORT`."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.websocket_url = origin.replace("http", "ws", 1) + "/"
        self._registry = ChannelRegistry()
        self._log = Log()
        self._scripts = ResponseScripts()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, *, host: str = "127.0.0.1", port: int = 0, timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> AsyncIterator[Self]:
        """Listen on *host* and *port* (0: a free one) until the block ends, and leave nothing behind.

        Raise `OSError` when it can't listen there.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as listener:
            service = cls(origin(host, listener.getsockname()[1]))
            routes = Routes(service.origin, service._registry, service._log, service._scripts, timeouts)
            runner = web.AppRunner(
                routes.application(),
                access_log=None,  # endpoints are secrets
                auto_decompress=False,
                handler_cancellation=True,
                shutdown_timeout=SHUTDOWN_TIMEOUT,
            )
            await runner.setup()
            try:
                await web.SockSite(runner, listener).start()
                yield service
            finally:
                await runner.cleanup()

    @property
    def received(self) -> list[Received]:
        """Every POST to an endpoint, oldest first; clear the list to begin anew."""
        return self._log.entries

    def script(self, answers: Sequence[Mapping[str, Any]], token: str = ANY) -> None:
        """Answer the next messages for *token* (default: for all) as *answers* say.

        The form is that of `PUT /script/<token>`; raise `ValueError` for any other.
        """
        self._scripts.write(token, answers)

    def subscribe(self, application_server_key: str | None = None) -> Subscription:
        """Return a new receiver that is always connected.

        With a key (unpadded base64url), only that application server may send to it. Raise `ValueError` when
        it is no key.
        """
        if application_server_key is not None:
            p256.read_key(application_server_key)
        agent = self._registry.connect(None)
        channel = self._registry.register(agent, str(uuid.uuid4()), application_server_key)
        subscription = Subscription(
            f"{self.origin}/push/{channel.token}",
            acknowledge=self._log.acknowledged,
            unsubscribe=partial(self._registry.unregister, agent, channel.channel_id),
        )
        agent.deliver = subscription.deliver
        return subscription


def origin(host: str, port: int) -> str:
    """Spell the origin (RFC 6454) of a service at *host* and *port*."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
