"""Push client: Firefox's WebSocket protocol (autopush)."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self
from uuid import uuid4

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType

from whisper_peer.errors import PushServiceFailed
from whisper_peer.push_subscription import Subscription

# How long a push service may take to answer; on the same machine it takes milliseconds.
ANSWER_S = 10

# How soon a push service that went away is told from one that has nothing to say.
HEARTBEAT_S = 30

# 4096 bytes of body, in base64url and JSON, with room.
MAX_FRAME_BYTES = 16 * 1024

SUCCESS = 200

# The codes of an ack.
DELIVERED = 100
NOT_DECRYPTED = 101

# Pushes that may wait for their reader; the push service waits meanwhile.
MAX_WAITING = 64


class PushClient:
    """WebSocket connection with a push service, which may be lost and opened again. Made by `connect`."""

    _socket: ClientWebSocketResponse
    _reader: asyncio.Task[None]

    def __init__(self, session: ClientSession, url: str, uaid: str) -> None:
        self.uaid = uaid
        self._session = session
        self._url = url
        self._subscriptions: dict[str, Subscription] = {}
        self._asking = asyncio.Lock()
        self._answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting: asyncio.Queue[bytes | PushServiceFailed | None] = asyncio.Queue(MAX_WAITING)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, session: ClientSession, url: str, uaid: str = "", kept: Subscription | None = None
    ) -> AsyncIterator[Self]:
        """Say hello at *url*, and listen until the end; *uaid* had the subscription *kept* there before."""
        client = cls(session, url, uaid)
        if kept:
            client._subscriptions[kept.channel] = kept
        await client._open()
        try:
            await client._greet()
            yield client
        finally:
            await client._close()

    async def reopen(self) -> None:
        """Connect again. Raise `PushServiceFailed`."""
        await self._close()
        await self._open()
        await self._greet()

    def has(self, subscription: Subscription) -> bool:
        """Return whether the push service still has it, as far as it has told."""
        return subscription.channel in self._subscriptions

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                self._socket = await self._session.ws_connect(
                    self._url,
                    protocols=["push-notification"],
                    heartbeat=HEARTBEAT_S,
                    max_msg_size=MAX_FRAME_BYTES,
                )
        except (ClientError, OSError, ValueError) as fault:
            raise PushServiceFailed(f"cannot reach the push service {self._url}: {fault}") from None
        self._reader = asyncio.create_task(self._listen(), name="push: listen")

    async def _greet(self) -> None:
        hello = {"messageType": "hello", "use_webpush": True, "uaid": self.uaid, "broadcasts": {}}
        answer = await self._ask(hello)
        if answer.get("uaid") != self.uaid:  # it has forgotten us, and all that we had
            self._subscriptions.clear()
            self.uaid = answer.get("uaid", "")

    async def _close(self) -> None:
        self._reader.cancel()
        await asyncio.wait({self._reader})
        await self._socket.close()
        if not self._reader.cancelled():
            self._reader.result()

    async def messages(self) -> AsyncIterator[bytes | None]:
        """Yield the plaintext of each push, `None` for one that no key of ours opens.

        Raise `PushServiceFailed` when the push service hangs up.
        """
        while True:
            message = await self._waiting.get()
            if isinstance(message, PushServiceFailed):
                raise message
            yield message

    async def subscribe(self, vapid_public_key: str) -> Subscription:
        """Make new keys and get an endpoint that only the owner of *vapid_public_key* may send to."""
        channel = str(uuid4())
        answer = await self._ask({"messageType": "register", "channelID": channel, "key": vapid_public_key})
        subscription = Subscription.generate(channel, answer["pushEndpoint"])
        self._subscriptions[channel] = subscription
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Give the endpoint up: from now on it is gone."""
        await self._ask({"messageType": "unregister", "channelID": subscription.channel})
        self._subscriptions.pop(subscription.channel, None)

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        kind = question["messageType"]
        async with self._asking:
            self._answer = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._socket.send_json(question)
                    answer = await self._answer
            except (TimeoutError, OSError):
                raise PushServiceFailed(f"the push service did not answer {kind}") from None
        if answer.get("messageType") != kind or answer.get("status") != SUCCESS:
            raise PushServiceFailed(f"the push service refused {kind}: status {answer.get('status')}")
        return answer

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                await self._on_frame(message.json())
        lost = PushServiceFailed("the push service hung up")
        if not self._answer.done():
            self._answer.set_exception(lost)
        await self._waiting.put(lost)

    async def _on_frame(self, frame: dict[str, Any]) -> None:
        match frame.get("messageType"):
            case "notification":
                plaintext = self._decrypt(frame)
                await self._waiting.put(plaintext)
                await self._acknowledge(frame, NOT_DECRYPTED if plaintext is None else DELIVERED)
            case "hello" | "register" | "unregister" if not self._answer.done():
                self._answer.set_result(frame)

    def _decrypt(self, notification: dict[str, Any]) -> bytes | None:
        subscription = self._subscriptions.get(notification["channelID"])
        body = _bytes_of(notification.get("data", ""))  # a push may have none
        if subscription is None:
            return None
        return subscription.decrypt(body) if body else b""

    async def _acknowledge(self, notification: dict[str, Any], code: int) -> None:
        update = {"channelID": notification["channelID"], "version": notification["version"], "code": code}
        with suppress(ConnectionError):  # nobody is there to be told
            await self._socket.send_json({"messageType": "ack", "updates": [update]})


def _bytes_of(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
