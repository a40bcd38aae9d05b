"""HTTP client of the Whisper server: signed calls, refusals by name, and clock synchronisation."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientPayloadError, ClientResponse, ClientSession, ClientTimeout
from aiortc import RTCIceServer

from whisper_peer.errors import ServerRefused, ServerUnreachable
from whisper_peer.identity import Identity
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.messages import optional_members

# The server gives a push service 10 s in all; this leaves it time to say that it failed.
CALL_TIMEOUT = ClientTimeout(total=20, connect=5)

MAX_ANSWER_BYTES = 64 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Config:
    """Configuration of the server: VAPID public key and ICE servers."""

    vapid_public_key: str
    ice_servers: list[RTCIceServer]
    turn: bool = False


class Clock:
    """Estimate of the server's clock; never the same millisecond twice."""

    def __init__(self) -> None:
        self._ahead = 0
        self._last = 0

    def synchronize(self, timestamp: int) -> None:
        """Note the server's time, in ms."""
        self._ahead = timestamp - _local_ms()

    def now(self) -> int:
        """Return the server's time, in ms."""
        return _local_ms() + self._ahead

    def stamp(self) -> int:
        """Return a timestamp for a call, later than every one before: the server takes only newer updates."""
        self._last = max(self._last + 1, self.now())
        return self._last

    def restart(self) -> None:
        """Let timestamps go back: the server has just said that ours were wrong."""
        self._last = 0


class ApiClient:
    """Client for one identity. Raises `ServerRefused` or `ServerUnreachable` within `CALL_TIMEOUT`."""

    def __init__(self, session: ClientSession, url: str, identity: Identity) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._identity = identity
        self._me = identity.address.text
        self.clock = Clock()
        self.sent: list[str] = []
        self.device: str | None = None  # our id, as the server tells it
        self.has_several_devices = False

    async def config(self) -> Config:
        """Ask what a client needs to start."""
        answer = await self._request("GET", "/config")
        try:
            return _read_config(answer)
        except (KeyError, TypeError):
            raise ServerUnreachable(f"{self._url} tells no configuration: {answer}") from None

    async def update(self, subscription: dict[str, Any] | None, code: str | None = None) -> None:
        """Register *subscription*, or end it if it has expired; `None`: be forgotten, with all devices.

        *code* proves an endpoint that the server does not trust.
        """
        proof = {"d": code} if code else {}
        answer = await self._call("update", lambda now: {"a": self._me, "b": subscription, "c": now, **proof})
        self.device = answer.get("device", self.device)
        self.has_several_devices = len(answer.get("devices", ())) > 1

    async def ice_servers(self) -> list[RTCIceServer]:
        """Return the ICE servers, with TURN credentials for an hour if the server has a TURN server."""
        config = await self.config()
        if not config.turn:
            return config.ice_servers
        answer = await self._call("update", lambda now: {"a": self._me, "c": now})
        return _read_ice_servers(answer["ice_servers"]) if "ice_servers" in answer else config.ice_servers

    async def relay(
        self,
        method: str,
        recipient: Address,
        encryption_key: str | None = None,
        payload: str | None = None,
        **optional: str | None,
    ) -> None:
        """Send a call to *recipient* by way of the server; of *optional* members those that are there.

        With several devices it says from which: whoever has one need not tell.
        """
        members = {"c": recipient.text, "d": encryption_key, "e": payload}
        given = {name: value for name, value in members.items() if value is not None}
        device = self.device if self.has_several_devices else None
        given |= optional_members(method, from_device=device, **optional)
        await self._call(method, lambda now: {"a": self._me, "b": now, **given})

    async def _call(self, method: str, data_at: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
        try:
            answer = await self._post(method, data_at(self.clock.stamp()))
        except ServerRefused as refused:
            if refused.code != "stale_timestamp":
                raise
            self.clock.restart()
            answer = await self._post(method, data_at(self.clock.stamp()))
        self.sent.append(method)
        log.info("sent %s", method)
        return answer

    async def _post(self, method: str, data: dict[str, Any]) -> dict[str, Any]:
        return await self._request("POST", f"/{method}", self._identity.call(method, data))

    async def _request(self, verb: str, path: str, body: object = None) -> dict[str, Any]:
        try:
            async with self._session.request(
                verb, self._url + path, json=body, timeout=CALL_TIMEOUT, allow_redirects=False
            ) as response:
                status, text = response.status, await _read_all(response)
        except (ClientError, OSError) as fault:
            reason = str(fault) or type(fault).__name__
            raise ServerUnreachable(f"cannot reach the server {self._url}: {reason}") from None
        try:
            return self._read_answer(status, json.loads(text))
        except (ValueError, KeyError, TypeError):
            raise ServerUnreachable(f"{self._url} is no Whisper server: it answers {status}") from None

    def _read_answer(self, status: int, answer: dict[str, Any]) -> dict[str, Any]:
        self.clock.synchronize(answer["timestamp"])
        if not answer["ok"]:
            raise ServerRefused(answer["code"], answer["reason"], status)
        return answer


def _read_config(answer: dict[str, Any]) -> Config:
    return Config(
        vapid_public_key=answer["vapid_public_key"],
        ice_servers=_read_ice_servers(answer["ice_servers"]),
        turn=answer.get("turn", False),
    )


def _read_ice_servers(servers: list[dict[str, Any]]) -> list[RTCIceServer]:
    return [
        RTCIceServer(server["urls"], server.get("username"), server.get("credential")) for server in servers
    ]


async def _read_all(response: ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ClientPayloadError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
    return body


def _local_ms() -> int:
    return time.time_ns() // 1_000_000
