"""Registry of user agents, their channels and the messages stored for them; no I/O of its own."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.push_service.errors import ErrorCode, PushError
from tests.push_service.push_validation import Push

# Messages a channel stores; the oldest makes room. Google's push service keeps 100 as well.
MAX_STORED = 100


@dataclass(frozen=True, slots=True)
class Message:
    """An accepted push message; *expires_at* is by the clock of the `now` arguments."""

    version: str
    push: Push
    expires_at: float


class Channel:
    """One subscription of one user agent: where its messages wait until they are acknowledged."""

    def __init__(self, channel_id: str, agent: "Agent", key: str | None) -> None:
        self.channel_id = channel_id
        self.agent = agent
        self.key = key
        self.token = secrets.token_urlsafe(32)
        self._stored: dict[str, Message] = {}

    def check_key(self, key: str) -> None:
        """Raise `PushError` if the channel belongs to another application server than *key*'s."""
        if self.key not in (None, key):
            raise PushError(ErrorCode.WRONG_KEY)

    def store(self, message: Message, now: float) -> None:
        """Keep *message*; it replaces one of the same topic (RFC 8030 section 5.4)."""
        topic = message.push.topic
        others = [other for other in self.waiting(now) if topic is None or other.push.topic != topic]
        self._stored = {kept.version: kept for kept in [*others, message][-MAX_STORED:]}

    def waiting(self, now: float) -> list[Message]:
        """Return what is stored and not expired, oldest first."""
        return [message for message in self._stored.values() if now < message.expires_at]

    def acknowledge(self, version: str) -> None:
        """Forget a message that its receiver has."""
        self._stored.pop(version, None)


Deliver = Callable[[Channel, Message], Awaitable[None]]


class Agent:
    """A user agent, with its channels by their id; *deliver* is there while it is connected."""

    def __init__(self) -> None:
        self.uaid = secrets.token_hex(16)
        self.channels: dict[str, Channel] = {}
        self.deliver: Deliver | None = None

    def waiting(self, now: float) -> list[tuple[Channel, Message]]:
        """Return every message that waits in any of its channels."""
        return [(channel, message) for channel in self.channels.values() for message in channel.waiting(now)]


class ChannelRegistry:
    """Every user agent and every channel of this push service."""

    def __init__(self) -> None:
        self._agents: dict[str, Agent] = {}
        self._channels: dict[str, Channel] = {}
        self._gone: set[str] = set()

    def connect(self, uaid: str | None) -> Agent:
        """Return the user agent of that id, or a new one if there is none."""
        agent = self._agents.get(uaid or "") or Agent()
        self._agents[agent.uaid] = agent
        return agent

    def register(self, agent: Agent, channel_id: str, key: str | None) -> Channel:
        """Return the agent's channel of that id; a new one belongs to *key*, if there is one."""
        channel = agent.channels.get(channel_id) or Channel(channel_id, agent, key)
        agent.channels[channel_id] = self._channels[channel.token] = channel
        return channel

    def unregister(self, agent: Agent, channel_id: str) -> None:
        """Close the agent's channel of that id, if there is one: its endpoint is gone for good."""
        channel = agent.channels.pop(channel_id, None)
        if channel:
            del self._channels[channel.token]
            self._gone.add(channel.token)

    def channel(self, token: str) -> Channel:
        """Return the channel behind an endpoint; raise `PushError` when there is none (any more)."""
        if token in self._gone:
            raise PushError(ErrorCode.GONE)
        if token not in self._channels:
            raise PushError(ErrorCode.UNKNOWN_ENDPOINT)
        return self._channels[token]

    async def post(self, channel: Channel, message: Message, now: float) -> None:
        """Deliver *message* at once if its receiver is connected; store it until it is acknowledged.

        A message with TTL 0 is never stored (RFC 8030 section 5.2).
        """
        if message.push.ttl:
            channel.store(message, now)
        if channel.agent.deliver:
            await channel.agent.deliver(channel, message)
