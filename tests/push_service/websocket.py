"""One WebSocket with one user agent, as Firefox speaks it (subprotocol `push-notification`)."""

import asyncio
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from tests.push_service.crypto import base64url
from tests.push_service.log import Log
from tests.push_service.registry import Agent, Channel, ChannelRegistry, Message
from tests.push_service.timeouts import Timeouts
from tests.push_service.websocket_frames import (
    Ack,
    AnyFrame,
    Hello,
    Ping,
    ProtocolViolationError,
    Register,
    Unregister,
    read_frame,
)


class WebSocketSession:
    """Session of one WebSocket, from hello to close."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        origin: str,
        registry: ChannelRegistry,
        log: Log,
        timeouts: Timeouts,
    ) -> None:
        self._socket = socket
        self._origin = origin
        self._registry = registry
        self._log = log
        self._timeouts = timeouts

    async def run(self) -> None:
        """Speak until either side closes; a violation closes with a code that says what it was."""
        try:
            await self._greet()
        except ProtocolViolationError as violation:
            await self._socket.close(code=violation.code, message=str(violation).encode())
        except TimeoutError:
            await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow", drain=False)
        except ConnectionError:
            await self._socket.close(drain=False)

    async def deliver(self, channel: Channel, message: Message) -> None:
        """Send *message*; where that fails, the socket is closed, and what is stored stays stored."""
        try:
            await self._send(notification(channel, message))
        except (ConnectionError, TimeoutError):
            await self._socket.close(code=WSCloseCode.TRY_AGAIN_LATER, drain=False)

    async def _greet(self) -> None:
        """Learn who it is, which must be said first, and carry on."""
        async with asyncio.timeout(self._timeouts.hello):
            hello = await self._read()
        if isinstance(hello, Hello):
            agent = self._registry.connect(hello.uaid)
            await self._send(
                {
                    "messageType": "hello",
                    "uaid": agent.uaid,
                    "status": 200,
                    "use_webpush": True,
                    "broadcasts": {},
                }
            )
            await self._converse(agent)
        elif hello:
            raise ProtocolViolationError(WSCloseCode.POLICY_VIOLATION, "hello comes first")

    async def _converse(self, agent: Agent) -> None:
        """Deliver what waits and what comes, and answer every frame, until the socket closes."""
        agent.deliver = self.deliver
        try:
            for channel, message in agent.waiting(asyncio.get_running_loop().time()):
                await self.deliver(channel, message)
            while frame := await self._read():
                await self._answer(agent, frame)
        finally:
            if agent.deliver == self.deliver:  # it may have come back over another socket
                agent.deliver = None

    async def _answer(self, agent: Agent, frame: AnyFrame | Ping) -> None:
        """Do what *frame* asks for; nack and broadcast_subscribe ask for nothing."""
        match frame:
            case Ping():
                await self._send({})
            case Register():
                await self._send(self._register(agent, frame))
            case Unregister():
                self._registry.unregister(agent, frame.channel_id)
                await self._send(reply("unregister", frame.channel_id, 200))
            case Ack():
                self._acknowledge(agent, frame)
            case Hello():
                raise ProtocolViolationError(WSCloseCode.POLICY_VIOLATION, "hello comes once")

    def _register(self, agent: Agent, frame: Register) -> dict[str, Any]:
        """Give the channel its endpoint, the same one every time; another key for it is a conflict."""
        channel = self._registry.register(agent, frame.channel_id, frame.key)
        if channel.key != frame.key:
            return reply("register", frame.channel_id, 409)
        endpoint = f"{self._origin}/push/{channel.token}"
        return {**reply("register", frame.channel_id, 200), "pushEndpoint": endpoint}

    def _acknowledge(self, agent: Agent, frame: Ack) -> None:
        """Forget the messages that arrived in the agent's own channels, and record what became of them."""
        for update in frame.updates:
            channel = agent.channels.get(update.channel_id)
            if channel:
                channel.acknowledge(update.version)
                self._log.acknowledged(update.version, update.code)

    async def _read(self) -> AnyFrame | Ping | None:
        """Wait for the next frame; None when the socket has closed."""
        message = await self._socket.receive()
        match message.type:
            case WSMsgType.TEXT:
                return read_frame(message.data)
            case WSMsgType.BINARY:
                raise ProtocolViolationError(WSCloseCode.UNSUPPORTED_DATA, "text only")
            case _:
                return None

    async def _send(self, frame: dict[str, Any]) -> None:
        """Send one frame; raise `TimeoutError` when nobody reads it."""
        async with asyncio.timeout(self._timeouts.send):
            await self._socket.send_json(frame)


def reply(message_type: str, channel_id: str, status: int) -> dict[str, Any]:
    """Make the answer to a wish about a channel."""
    return {"messageType": message_type, "channelID": channel_id, "status": status}


def notification(channel: Channel, message: Message) -> dict[str, Any]:
    """Make the frame that carries *message*; one without a body carries no data."""
    frame = {
        "messageType": "notification",
        "channelID": channel.channel_id,
        "version": message.version,
        "ttl": message.push.ttl,
    }
    if not message.push.body:
        return frame
    return {**frame, "data": base64url.encode(message.push.body), "headers": {"encoding": "aes128gcm"}}
