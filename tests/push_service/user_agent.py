"""User agent for the tests of this package: plain aiohttp, and the words that Firefox uses."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec

from tests.push_service.crypto import base64url, p256
from tests.push_service.crypto.decrypt import decrypt

# Seconds; every wait of a test has an end.
PATIENCE = 5.0


class Connection:
    """One WebSocket of a browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, message_type: str, **members: object) -> None:
        """Send one frame."""
        await self.socket.send_json({"messageType": message_type, **members})

    async def hear(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait for the next frame."""
        frame = await self.socket.receive_json(timeout=timeout)
        assert isinstance(frame, dict)
        return frame

    async def ask(self, message_type: str, **members: object) -> dict[str, Any]:
        """Send one frame and wait for the answer."""
        await self.say(message_type, **members)
        return await self.hear()

    async def silent(self) -> bool:
        """Whether a ping is the next thing that is answered."""
        await self.socket.send_str("{}")
        return await self.hear() == {}

    async def closed_with(self) -> int | None:
        """Wait until the push service closes; return its code."""
        await self.socket.receive(timeout=PATIENCE)
        return self.socket.close_code


class Browser:
    """A user agent with one channel; it keeps its keys and its name from one connection to the next."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._private_key = ec.generate_private_key(ec.SECP256R1())
        self._secret = secrets.token_bytes(16)
        self.channel_id = "5d6e2c3a-3c7b-4d52-8e0f-2a1f6f0c9b11"
        self.uaid: str | None = None
        self.endpoint = ""
        self.p256dh = base64url.encode(p256.point_of(self._private_key.public_key()))
        self.auth = base64url.encode(self._secret)

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[Connection]:
        """Connect, and say nothing yet."""
        async with self._session.ws_connect(self._url, protocols=["push-notification"]) as socket:
            yield Connection(socket)

    @asynccontextmanager
    async def online(self) -> AsyncIterator[Connection]:
        """Connect and exchange hellos; with a name, if it got one before."""
        async with self.socket() as connection:
            name = {"uaid": self.uaid} if self.uaid else {}
            hello = await connection.ask("hello", use_webpush=True, broadcasts={}, **name)
            self.uaid = hello["uaid"]
            yield connection

    async def subscribe(self, connection: Connection, **key: str) -> dict[str, Any]:
        """Register the channel, for one application server if there is a *key*."""
        registered = await connection.ask("register", channelID=self.channel_id, **key)
        self.endpoint = registered.get("pushEndpoint", "")
        return registered

    async def acknowledge(self, connection: Connection, version: str, code: int = 100) -> None:
        """Say what became of a message, and wait until that is read."""
        await connection.say(
            "ack", updates=[{"channelID": self.channel_id, "version": version, "code": code}]
        )
        assert await connection.silent()

    def open(self, notification: dict[str, Any]) -> bytes:
        """Decrypt what was delivered."""
        return decrypt(base64url.decode(notification["data"]), self._private_key, self._secret)
