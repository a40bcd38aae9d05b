"""Network of connection managers whose calls are relayed in memory; WebRTC is real, over loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection

from tests.peer.people import Person
from tests.people import now_ms
from whisper_peer.channels.channel import Channel
from whisper_peer.connection_manager import ConnectionManager
from whisper_peer.errors import Dropped, Reason, ServerRefused
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.messages import Message, optional_members, parse_message
from whisper_peer.signaling_transport import SignalingTransport

SOON_S = 5
K = TypeVar("K", bound=Message)


class Listener:
    """Receiver of calls that does nothing of its own accord."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        self.dispatch = self._heard.put_nowait

    async def heard(self, kind: type[K]) -> K:
        """Return the next call, which must be of *kind*."""
        async with asyncio.timeout(SOON_S):
            message = await self._heard.get()
        assert isinstance(message, kind)
        return message


class Network:
    """Relay of calls between connection managers, as server and push services do, and remembers them."""

    def __init__(self) -> None:
        self.homes: dict[Address, ConnectionManager] = {}
        self.listeners: dict[Address, Listener] = {}
        self.calls: list[str] = []
        self.dropped: list[Reason] = []
        self._last = now_ms()

    @asynccontextmanager
    async def home(
        self, address: Address, *, accept: bool = True, trickle: bool = False
    ) -> AsyncIterator[ConnectionManager]:
        """Give *address* a manager, which may take the place of another."""

        def transport_for(them: Address) -> SignalingTransport:
            async def relay(
                method: str,
                encryption_key: str | None = None,
                payload: str | None = None,
                **optional: str | None,
            ) -> None:
                members = optional_members(method, **optional)
                await self.relay(address, them, method, encryption_key, payload, **members)

            return SignalingTransport(relay, no_ice_servers, self.dropped.append, trickle)

        manager = self.homes[address] = ConnectionManager(address, transport_for, accept=accept)
        try:
            yield manager
        finally:
            await manager.close()

    async def relay(
        self,
        sender: Address,
        recipient: Address,
        method: str,
        key: str | None,
        payload: str | None,
        **members: str,
    ) -> None:
        """Deliver a call a moment later, if anybody is there."""
        if recipient not in self.homes | self.listeners:
            raise ServerRefused("unknown_recipient", "Nobody is there.", 404)
        self.calls.append(method)
        message = self.message(method, sender, recipient, **{"d": key, "e": payload} | members)
        asyncio.get_running_loop().call_soon(self.deliver, message)

    def message(self, method: str, sender: Address, recipient: Address, **members: object) -> Message:
        """Return a call as its recipient believes it."""
        self._last += 1
        data = {"a": sender.text, "b": self._last, "c": recipient.text, **members}
        return parse_message(method, {name: value for name, value in data.items() if value is not None})

    def deliver(self, message: Message) -> None:
        """Hand a call to its recipient."""
        try:
            (self.homes | self.listeners)[message.recipient].dispatch(message)
        except Dropped as dropped:
            self.dropped.append(dropped.reason)

    async def dial(self, one: Person, other: Person, seconds: float = SOON_S) -> Channel:
        """Let *one* dial *other*."""
        return await self.homes[one.address].dial(other.address, self._last, seconds)

    async def connect(self, one: Person, other: Person) -> tuple[Channel, Channel]:
        """Let *one* dial *other*, who accepts; return the channel of each."""
        async with asyncio.timeout(SOON_S):
            return await self.dial(one, other), await self.homes[other.address].next_incoming()


async def no_ice_servers() -> list[RTCIceServer]:
    """Find each other without help."""
    return []


@asynccontextmanager
async def opened(labels: list[str]) -> AsyncIterator[RTCPeerConnection]:
    """Offer a connection with a data channel for each of *labels*."""
    rtc = RTCPeerConnection(RTCConfiguration([]))
    for label in labels:
        rtc.createDataChannel(label)
    await rtc.setLocalDescription(await rtc.createOffer())
    yield rtc
    await rtc.close()
