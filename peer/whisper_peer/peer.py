"""Whisper peer: an identity, a push subscription and WebRTC connections."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import ClientSession, DummyCookieJar

from whisper_peer.api_client import ApiClient
from whisper_peer.channels.channel import Channel, within
from whisper_peer.connection_manager import ConnectionManager
from whisper_peer.errors import Dropped, PushServiceFailed, Reason
from whisper_peer.identity import Identity
from whisper_peer.incoming_calls import OnCall
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.push_verifier import Call, Inbox
from whisper_peer.push import PushClient, Subscription
from whisper_peer.signaling_transport import SignalingTransport

SERVER = "http://localhost:8000"
PUSH_SERVICE = "ws://127.0.0.1:8100/"

# Pushes that are remembered for `received` and `dropped`.
MAX_HISTORY = 1000

EXPIRED = 1  # a time that has passed: that a subscription ends

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Dropped push (with its plaintext, if it could be decrypted), message or connection."""

    reason: Reason
    plaintext: bytes | None = None


class Peer:
    """Client that can dial and be dialled. Made by `start`."""

    def __init__(
        self, server: ApiClient, push: PushClient, identity: Identity, *, accept: bool, trickle: bool
    ) -> None:
        self.address = identity.address
        self.server = server
        self.subscription: Subscription | None = None
        self.received: deque[Call] = deque(maxlen=MAX_HISTORY)
        self.dropped: deque[Refusal] = deque(maxlen=MAX_HISTORY)
        self._push = push
        self._trickle = trickle
        self._inbox = Inbox(self.address)
        self._connections = ConnectionManager(self.address, self._transport_for, accept=accept)

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        server: str = SERVER,
        push_service: str = PUSH_SERVICE,
        identity: Identity | None = None,
        accept: bool = True,
        trickle: bool = False,
    ) -> AsyncIterator[Self]:
        """Subscribe, register and listen until the end; then close every connection. Raise `PeerError`.

        Without *accept* every dial is dropped. With *trickle* candidates travel in an `ice` call, sent before
        the description that they belong to.
        """
        who = identity or Identity.new()
        async with (
            ClientSession(cookie_jar=DummyCookieJar()) as session,
            PushClient.connect(session, push_service) as push,
        ):
            peer = cls(ApiClient(session, server, who), push, who, accept=accept, trickle=trickle)
            listening = asyncio.create_task(peer._listen(), name="peer: listen")
            try:
                await peer.register()
                yield peer
            finally:
                await peer._connections.close()
                listening.cancel()
                await asyncio.wait({listening})
            if not listening.cancelled():
                listening.result()  # a mistake shows here

    @property
    def calls_sent(self) -> list[str]:
        """The methods of all calls that the server took, `update` included, in order."""
        return list(self.server.sent)

    async def register(self, *, new: bool = False) -> None:
        """Tell the server our subscription; *new*: another one, and the old one is given up."""
        old = self.subscription
        current = await self._subscribe() if old is None or new else old
        await self.server.update(current.as_data())
        self.subscription = current
        if old is not None and old is not current:
            await self._push.unsubscribe(old)
            await self.server.update(old.as_data(expires_at=EXPIRED))

    async def unsubscribe(self) -> None:
        """Give the subscription up but don't tell the server, which finds it gone at the next push."""
        old, self.subscription = self.subscription, None
        if old is not None:
            await self._push.unsubscribe(old)

    async def forget(self) -> None:
        """Ask the server to forget us."""
        await self.server.update(None)

    def on_call(self, handler: OnCall) -> OnCall:
        """Let *handler* decide about each call that rings, instead of accepting all: a decorator."""
        self._connections.calls.on_call = handler
        return handler

    def dial(self, address: Address, timeout: float = 30) -> Coroutine[Any, Any, Channel]:
        """Dial *address* and wait for the open channel.

        Raise `ServerRefused`, `TimedOut`, `ConnectionFailed` or `AlreadyConnected`.
        """
        return self._connections.dial(address, self.server.clock.now(), timeout)

    def accept(self, timeout: float = 30) -> Coroutine[Any, Any, Channel]:
        """Wait for the next incoming connection. Raise `TimedOut` or `PushServiceFailed`."""
        return within(timeout, self._connections.next_incoming(), f"nobody dialled within {timeout:g} s")

    async def _subscribe(self) -> Subscription:
        config = await self.server.config()
        return await self._push.subscribe(config.vapid_public_key)

    async def _listen(self) -> None:
        try:
            async for plaintext in self._push.messages():
                self._on_push(plaintext)
        except PushServiceFailed as lost:
            self._connections.fail_pending(lost)

    def _on_push(self, plaintext: bytes | None) -> None:
        try:
            if plaintext is None:
                raise Dropped(Reason.UNDECRYPTABLE)
            call = self._inbox.open(plaintext, self.server.clock.now())
            self.server.has_several_devices |= call.devices > 1
            self._connections.dispatch(call.message, call.devices)
        except Dropped as dropped:
            self._drop(dropped.reason, plaintext)
        else:
            self.received.append(call)
            log.info("received %s from %r", call.message.method, call.message.sender)

    def _drop(self, reason: Reason, plaintext: bytes | None = None) -> None:
        self.dropped.append(Refusal(reason, plaintext))
        log.info("dropped: %s", reason)

    def _transport_for(self, them: Address) -> SignalingTransport:
        async def relay(
            method: str,
            encryption_key: str | None = None,
            payload: str | None = None,
            **optional: str | None,
        ) -> None:
            await self.server.relay(method, them, encryption_key, payload, **optional)

        return SignalingTransport(relay, self.server.ice_servers, self._drop, self._trickle)
