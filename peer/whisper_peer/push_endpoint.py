"""Push endpoint of our own, as with UnifiedPush: an HTTP server that takes the messages (RFC 8030, RFC 8291).

It speaks HTTP; a reverse proxy in front of it speaks https. A path that nobody can guess is the subscription.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from aiohttp import ClientSession, web

from whisper_peer.channels.timeouts import wait_for
from whisper_peer.push_client import MAX_WAITING, PushClient
from whisper_peer.push_registration import PushRegistration
from whisper_peer.push_subscription import Subscription

# The server sends 4096 bytes, as every push service takes.
MAX_BODY_BYTES = 8192

# How long the push with the code of an endpoint may take.
VERIFY_S = 10

NAME_BYTES = 24

PUSH_PORT = 8300


@dataclass(frozen=True, slots=True)
class OwnEndpoint:
    """URL of an endpoint of our own, and where to listen for what a reverse proxy passes on."""

    url: str
    host: str = "127.0.0.1"
    port: int = PUSH_PORT

    def __str__(self) -> str:
        return self.url


class PushEndpoint:
    """Endpoints below *url*, in place of a `PushClient`. Made by `serve`."""

    uaid = ""

    def __init__(self, url: str, kept: Subscription | None) -> None:
        self._url = url.rstrip("/")
        self._subscriptions = {kept.channel: kept} if kept else {}
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        self._codes: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING)

    @classmethod
    @asynccontextmanager
    async def serve(cls, own: OwnEndpoint, kept: Subscription | None) -> AsyncIterator[Self]:
        """Take messages until the end; *kept* was subscribed before. Raise `OSError` if the port is taken."""
        endpoint = cls(own.url, kept)
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_post("/{path:.*}", endpoint._take)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, own.host, own.port).start()
            yield endpoint
        finally:
            await runner.cleanup()

    async def reopen(self) -> None:
        """Do nothing: it is never lost."""

    def has(self, subscription: Subscription) -> bool:
        """Return whether it is one of ours."""
        return subscription.channel in self._subscriptions

    async def subscribe(self, vapid_public_key: str) -> Subscription:  # noqa: ARG002 - calls are signed anyway
        """Make new keys and a new path."""
        channel = secrets.token_urlsafe(NAME_BYTES)
        subscription = Subscription.generate(channel, f"{self._url}/{channel}")
        self._subscriptions[channel] = subscription
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Give the endpoint up: from now on it is gone."""
        self._subscriptions.pop(subscription.channel, None)

    async def messages(self) -> AsyncIterator[bytes | None]:
        """Yield the plaintext of each push."""
        while True:
            yield await self._waiting.get()

    async def code(self) -> str:
        """Return the code with which the server has made sure that the endpoint is ours. Raise `TimedOut`."""
        return await wait_for(VERIFY_S, self._codes.get(), "the server's message did not reach our endpoint")

    async def _take(self, request: web.Request) -> web.Response:
        channel = request.match_info["path"].rpartition("/")[2]
        if (subscription := self._subscriptions.get(channel)) is None:
            return web.Response(status=HTTPStatus.GONE)
        if (plaintext := subscription.decrypt(await request.read())) is None:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        code = _verification_code(plaintext)
        try:
            if code is None:
                self._waiting.put_nowait(plaintext)
            else:
                self._codes.put_nowait(code)
        except asyncio.QueueFull:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(status=HTTPStatus.CREATED)


def receive_pushes(
    session: ClientSession, service: str | OwnEndpoint, kept: PushRegistration | None
) -> AbstractAsyncContextManager[PushClient | PushEndpoint]:
    """Return what receives pushes from *service*, with the subscription that was *kept*."""
    uaid, subscription = (kept.uaid, kept.subscription) if kept else ("", None)
    if isinstance(service, OwnEndpoint):
        return PushEndpoint.serve(service, subscription)
    return PushClient.connect(session, service, uaid, subscription)


def _verification_code(plaintext: bytes) -> str | None:
    try:
        message = json.loads(plaintext)
    except ValueError:
        return None
    match message:
        case {"data": {"a": "verify", "b": str(code)}}:
            return code
    return None
