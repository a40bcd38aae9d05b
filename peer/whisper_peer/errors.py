"""Exceptions of a peer.

PeerError
├── ServerRefused        the Whisper server answered, with a code and a reason
├── ServerUnreachable    it did not answer, or not as a Whisper server does
├── PushServiceFailed    no subscription, or the WebSocket is gone
├── TimedOut             somebody did not answer in time
├── ConnectionFailed     both answered, but WebRTC found no way
├── AnsweredElsewhere    another device of the one who is called has answered
├── AlreadyConnected     one connection with an address is enough
├── ChannelClosed        nothing more can be sent or received
├── TransferCancelled    a file was refused, or did not go on
├── OverLimit            the other sent more than a connection may hold, or opened too many channels
├── BadSignature         a signature is not the sender's
├── BrokenSeal           a sealed payload was not sealed for this connection
└── Dropped              a push that must not be believed, with the reason
"""

from dataclasses import dataclass
from enum import StrEnum


class PeerError(Exception):
    """Base of a peer's errors; its text is one sentence for a person."""


class ServerRefused(PeerError):
    """The server did not carry out a call. `code` is stable, `reason` is for a person."""

    def __init__(self, code: str, reason: str, status: int) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.status = status


class ServerUnreachable(PeerError):
    """The server did not answer in time, or what answered is no Whisper server."""


class PushServiceFailed(PeerError):
    """The push service refused a subscription, or closed its WebSocket."""


class TimedOut(PeerError, TimeoutError):
    """A wait that has passed its deadline."""


class ConnectionFailed(PeerError):
    """The two descriptions were exchanged, but no data channel came of it."""


class AnsweredElsewhere(PeerError):
    """Another device of ours has answered, or declined, this call."""


class AlreadyConnected(PeerError):
    """There is a connection with this address already, or one is being made."""


class ChannelClosed(PeerError):
    """The channel is closed: by us, by the other, or by the network."""


class TransferCancelled(PeerError):
    """A file was refused or cancelled, or is another than was offered."""


class OverLimit(PeerError):
    """The other went over a limit, and was hung up."""


class BadSignature(PeerError):
    """A signature that the sender's key does not verify."""


class BrokenSeal(PeerError):
    """A payload that was not sealed by this sender, for this recipient, as this method."""


class Reason(StrEnum):
    """Reason for which a push or a message was dropped, or a connection hung up."""

    UNDECRYPTABLE = "undecryptable"  # not encrypted to this subscription (RFC 8291)
    NOT_A_CALL = "not_a_call"  # not {"data": {"a", "b", "c"}}, or not a method that is pushed
    STALE = "stale"  # more than a minute from the server's time
    NOT_FOR_ME = "not_for_me"  # another address is the recipient
    FORGED = "forged"  # the sender did not sign this text
    SEEN = "seen"  # the same signature came before
    NOT_ACCEPTING = "not_accepting"  # a dial, but this peer takes none
    GLARE = "glare"  # a dial that lost to our own (see `whisper_peer.signaling_session`)
    BUSY = "busy"  # too many connections, or candidates, at once
    ANSWERED_ELSEWHERE = "answered_elsewhere"  # a dial that another device of ours has dealt with
    UNEXPECTED = "unexpected"  # belongs to no connection, or not to its present step
    OVER_LIMIT = "over_limit"  # too many bytes or channels: the connection was hung up
    BROKEN_SEAL = "broken_seal"  # sealed with another key, or opens to nonsense


class Dropped(PeerError):
    """A push that this peer does not act on."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Dropped push (with its plaintext, if it could be decrypted), message or connection."""

    reason: Reason
    plaintext: bytes | None = None
