"""A receiver inside the test: it owns real keys and really decrypts."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from tests.push_service.crypto import base64url, p256
from tests.push_service.crypto.decrypt import BadMessageError, decrypt
from tests.push_service.registry import Channel, Message

# What a browser acknowledges with.
DELIVERED = 100
NOT_DECRYPTED = 101


class Subscription:
    """Push subscription as `PushManager.subscribe()` returns it, with its private keys.

    *endpoint* is where to POST; *p256dh* and *auth* are unpadded base64url; *decrypted* has every accepted
    message that opened, oldest first (one without a body is `b""`).
    """

    def __init__(
        self, endpoint: str, acknowledge: Callable[[str, int], None], unsubscribe: Callable[[], None]
    ) -> None:
        self._private_key = ec.generate_private_key(ec.SECP256R1())
        self._secret = secrets.token_bytes(16)
        self._acknowledge = acknowledge
        self._taken = 0
        self._arrived = asyncio.Event()
        self.endpoint = endpoint
        self.p256dh = base64url.encode(p256.point_of(self._private_key.public_key()))
        self.auth = base64url.encode(self._secret)
        self.unsubscribe = unsubscribe
        self.decrypted: list[bytes] = []

    def next(self, timeout: float = 5) -> Coroutine[Any, Any, bytes]:
        """Wait for the next message, at most *timeout* seconds; then raise `TimeoutError`."""
        return asyncio.wait_for(self._take(), timeout)

    async def deliver(self, _channel: Channel, message: Message) -> None:
        """Open a message and acknowledge it: 100 when it opened, 101 when it did not."""
        try:
            self._accept(message.push.body)
        except BadMessageError:
            self._acknowledge(message.version, NOT_DECRYPTED)
        else:
            self._acknowledge(message.version, DELIVERED)

    def _accept(self, body: bytes) -> None:
        """Keep the plaintext of *body* and wake who waits for it."""
        self.decrypted.append(decrypt(body, self._private_key, self._secret) if body else b"")
        self._arrived.set()

    async def _take(self) -> bytes:
        """Return the oldest message that nobody has taken, as soon as there is one."""
        while self._taken == len(self.decrypted):
            self._arrived.clear()
            await self._arrived.wait()
        self._taken += 1
        return self.decrypted[self._taken - 1]
