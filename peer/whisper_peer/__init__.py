"""Python client of Whisper: `Peer` for programs, `whisper-peer listen` for a terminal."""

from whisper_peer.channels.channel import Channel
from whisper_peer.channels.file_transfers import Files, OfferedFile
from whisper_peer.errors import (
    AlreadyConnected,
    AnsweredElsewhere,
    BrokenSeal,
    ChannelClosed,
    ConnectionFailed,
    Dropped,
    OverLimit,
    PeerError,
    PushServiceFailed,
    Reason,
    Refusal,
    ServerRefused,
    ServerUnreachable,
    TimedOut,
    TransferCancelled,
)
from whisper_peer.identity import Identity
from whisper_peer.incoming_calls import CallEnd, IncomingCall
from whisper_peer.media.media import Media
from whisper_peer.peer import Peer
from whisper_peer.protocol.keys import Address
from whisper_peer.push_endpoint import OwnEndpoint

__all__ = [
    "Address",
    "AlreadyConnected",
    "AnsweredElsewhere",
    "BrokenSeal",
    "CallEnd",
    "Channel",
    "ChannelClosed",
    "ConnectionFailed",
    "Dropped",
    "Files",
    "Identity",
    "IncomingCall",
    "Media",
    "OfferedFile",
    "OverLimit",
    "OwnEndpoint",
    "Peer",
    "PeerError",
    "PushServiceFailed",
    "Reason",
    "Refusal",
    "ServerRefused",
    "ServerUnreachable",
    "TimedOut",
    "TransferCancelled",
]
