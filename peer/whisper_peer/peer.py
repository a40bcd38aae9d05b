"""Whisper peer: an identity, a push subscription and WebRTC connections."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from random import SystemRandom
from typing import Any, Self

from aiohttp import ClientSession, DummyCookieJar

from whisper_peer.api_client import ApiClient
from whisper_peer.channels.channel import Channel
from whisper_peer.channels.timeouts import wait_for
from whisper_peer.connection_manager import ConnectionManager
from whisper_peer.errors import Dropped, PeerError, PushServiceFailed, Reason, Refusal, ServerRefused
from whisper_peer.identity import Identity
from whisper_peer.incoming_calls import OnCall
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.push_verifier import Call, PushVerifier
from whisper_peer.push_client import PushClient
from whisper_peer.push_endpoint import OwnEndpoint, PushEndpoint, receive_pushes
from whisper_peer.push_registration import PushRegistration, RegistrationFile
from whisper_peer.push_subscription import Subscription
from whisper_peer.signaling_transport import SignalingTransport

SERVER = "http://localhost:8000"
PUSH_SERVICE = "ws://127.0.0.1:8100/"

# Pushes that are remembered for `received` and `dropped`.
MAX_HISTORY = 1000

# Pauses before a lost push service is asked again: doubled each time, with up to as much again by chance.
FIRST_RETRY_S, LAST_RETRY_S = 0.5, 60
CHANCE = SystemRandom()

EXPIRED = 1  # a time that has passed: that a subscription ends

log = logging.getLogger(__name__)


class Peer:
    """Client that can dial and be dialled, inside of `async with Peer(server) as peer`.

    Entering subscribes, registers and listens; it raises `PeerError`. Leaving closes every connection. With a
    *registration* file the push subscription outlives the program, and what came meanwhile is received.
    *push_service* is the URL of one, or an `OwnEndpoint`.
    Without *accept* every dial is dropped. With *trickle* candidates travel in an `ice` call, sent before the
    description that they belong to.
    """

    server: ApiClient
    _push: PushClient | PushEndpoint

    def __init__(
        self,
        server: str = SERVER,
        *,
        push_service: str | OwnEndpoint = PUSH_SERVICE,
        identity: Identity | None = None,
        registration: Path | None = None,
        accept: bool = True,
        trickle: bool = False,
    ) -> None:
        self._identity = identity or Identity.new()
        self.address = self._identity.address
        self.subscription: Subscription | None = None
        self.received: deque[Call] = deque(maxlen=MAX_HISTORY)
        self.dropped: deque[Refusal] = deque(maxlen=MAX_HISTORY)
        self._server_url = server
        self._push_service = push_service
        self._registration = registration
        self._trickle = trickle
        self._verifier = PushVerifier(self.address)
        self._connections = ConnectionManager(self.address, self._transport_for, accept=accept)
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(ClientSession(cookie_jar=DummyCookieJar()))
            self.server = ApiClient(session, self._server_url, self._identity)
            self._file = RegistrationFile.open(self._registration)
            stack.callback(self._file.close)
            self._kept = self._file.load(str(self._push_service))
            receiving = receive_pushes(session, self._push_service, self._kept)
            self._push = await stack.enter_async_context(receiving)
            listening = asyncio.create_task(self._listen(), name="peer: listen")
            stack.push_async_callback(self._leave, listening)
            await self.register()
            self._opened = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def _leave(self, listening: asyncio.Task[None]) -> None:
        await self._connections.close()
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
        await self._update(current)
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

    def dial(self, address: Address | str, timeout: float = 30) -> Coroutine[Any, Any, Channel]:
        """Dial *address* and wait for the open channel.

        Raise `ServerRefused`, `TimedOut`, `ConnectionFailed` or `AlreadyConnected`, and `ValueError` for a
        text that is no address.
        """
        them = Address.parse(address) if isinstance(address, str) else address
        return self._connections.dial(them, self.server.clock.now(), timeout)

    def accept(self, timeout: float = 30) -> Coroutine[Any, Any, Channel]:
        """Wait for the next incoming connection. Raise `TimedOut`."""
        return wait_for(timeout, self._connections.next_incoming(), f"nobody dialled within {timeout:g} s")

    async def _update(self, subscription: Subscription) -> None:
        try:
            await self.server.update(subscription.as_data())
        except ServerRefused as refused:
            if refused.code != "endpoint_unverified" or not isinstance(self._push, PushEndpoint):
                raise
            await self.server.update(subscription.as_data(), await self._push.code())

    async def _subscribe(self) -> Subscription:
        key = (await self.server.config()).vapid_public_key
        kept, self._kept = self._kept, None
        if kept and self._push.has(kept.subscription):
            if kept.vapid_public_key == key:
                return kept.subscription
            await self._push.unsubscribe(kept.subscription)
        made = await self._push.subscribe(key)
        self._file.save(PushRegistration(str(self._push_service), self._push.uaid, key, made))
        return made

    async def _listen(self) -> None:
        while True:
            try:
                async for plaintext in self._push.messages():
                    self._on_push(plaintext)
            except PushServiceFailed as lost:
                log.info("%s: connecting again", lost)
            await self._reconnect()

    async def _reconnect(self) -> None:
        delay = FIRST_RETRY_S
        while True:
            await asyncio.sleep(
                delay * (1 + CHANCE.random())
            )  # or all peers of a push service come back at once
            try:
                await self._push.reopen()
                if self.subscription and not self._push.has(self.subscription):
                    await self.register(new=True)
            except PeerError as trouble:
                log.info("no push service: %s", trouble)
                delay = min(2 * delay, LAST_RETRY_S)
            else:
                return

    def _on_push(self, plaintext: bytes | None) -> None:
        try:
            if plaintext is None:
                raise Dropped(Reason.UNDECRYPTABLE)
            call = self._verifier.verify(plaintext, self.server.clock.now())
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
