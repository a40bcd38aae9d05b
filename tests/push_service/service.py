"""The push service, as a test holds it."""

import socket
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self

from aiohttp import web

from . import p256
from .log import Log, Received
from .office import PostOffice
from .patience import Patience
from .receiver import Subscription
from .routes import Routes
from .script import ANY, Scripts

DEFAULT_PATIENCE = Patience()

# Seconds that an ordinary request may take to end when the service stops.
SHUTDOWN_TIMEOUT = 1.0


class PushService:
    """A running push service; *origin* is its `http://HOST:PORT`."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.websocket_url = origin.replace("http", "ws", 1) + "/"
        self._office = PostOffice()
        self._log = Log()
        self._scripts = Scripts()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, *, host: str = "127.0.0.1", port: int = 0, patience: Patience = DEFAULT_PATIENCE
    ) -> AsyncIterator[Self]:
        """Listen on *host* and *port* (0: a free one) until the block ends, and leave nothing behind.

        Raise `OSError` when it can't listen there.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family) as listener:
            service = cls(origin(host, listener.getsockname()[1]))
            routes = Routes(service.origin, service._office, service._log, service._scripts, patience)
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
        agent = self._office.welcome(None)
        channel = self._office.register(agent, str(uuid.uuid4()), application_server_key)
        subscription = Subscription(
            f"{self.origin}/push/{channel.token}",
            acknowledge=self._log.acknowledged,
            unsubscribe=partial(self._office.unregister, agent, channel.channel_id),
        )
        agent.deliver = subscription.deliver
        return subscription


def origin(host: str, port: int) -> str:
    """Spell the origin (RFC 6454) of a service at *host* and *port*."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
