"""An application server: pywebpush seals, py_vapid signs, aiohttp posts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
from py_vapid import Vapid02
from pywebpush import WebPusher
from yarl import URL

from tests.push_service.crypto import base64url, p256

# Seconds; every wait of a test has an end.
TIMEOUT = aiohttp.ClientTimeout(total=10)


class Keys(Protocol):
    """Public half of a subscription, as a browser shows it to its application server."""

    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of a push service."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


class Sender:
    """One application server with a key of its own; *key* is its public half in unpadded base64url."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._vapid = Vapid02(conf={"no-strict": True})
        self._vapid.generate_keys()
        self.key = base64url.encode(p256.point_of(self._vapid.public_key))

    def authorization(self, endpoint: str, **claims: object) -> str:
        """Sign a header for *endpoint*; *claims* replace the good ones."""
        good = {
            "aud": str(URL(endpoint).origin()),
            "exp": int(time.time()) + 3600,
            "sub": "mailto:ops@example.com",
        }
        return str(self._vapid.sign({**good, **claims})["Authorization"])

    async def push(self, to: Keys, text: bytes = b"hello", /, **headers: str | None) -> Answer:
        """Seal *text*, sign and post it; *headers* (`content_encoding`) replace good ones, None drops one."""
        return await self.post(to.endpoint, seal(to, text), **headers)

    async def post(self, endpoint: str, body: bytes, /, **headers: str | None) -> Answer:
        """Sign and post *body* as it is."""
        good = {
            "authorization": self.authorization(endpoint),
            "ttl": "60",
            "urgency": "normal",
            "content-encoding": "aes128gcm",
        }
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in {**good, **given}.items() if value is not None}
        async with self._session.post(endpoint, data=body, headers=sent, timeout=TIMEOUT) as response:
            return Answer(response.status, response.headers, await response.read())


def seal(to: Keys, text: bytes) -> bytes:
    """Encrypt *text* to a subscription, with pywebpush."""
    subscription: dict[str, Any] = {"endpoint": to.endpoint, "keys": {"p256dh": to.p256dh, "auth": to.auth}}
    return bytes(WebPusher(subscription).encode(text, content_encoding="aes128gcm")["body"])
