"""A peer in Python, for tests and for people: `Peer` here, `python -m tests.peer listen` in a terminal."""

from tests.peer.channel import Channel
from tests.peer.errors import (
    AlreadyConnected,
    BrokenSeal,
    ChannelClosed,
    ConnectionFailed,
    Dropped,
    PushServiceFailed,
    Reason,
    ServerRefused,
    ServerUnreachable,
    TimedOut,
    Trouble,
)
from tests.peer.identity import Identity
from tests.peer.peer import Peer, Refusal

__all__ = [
    "AlreadyConnected",
    "BrokenSeal",
    "Channel",
    "ChannelClosed",
    "ConnectionFailed",
    "Dropped",
    "Identity",
    "Peer",
    "PushServiceFailed",
    "Reason",
    "Refusal",
    "ServerRefused",
    "ServerUnreachable",
    "TimedOut",
    "Trouble",
]
