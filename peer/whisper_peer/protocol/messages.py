"""Message types of the signaling protocol that a peer receives, parsed from the data of a call."""

from dataclasses import dataclass
from typing import Any, ClassVar

from whisper_peer.protocol.keys import Address, decode, parse_encryption_key

# RFC 8785 takes numbers as IEEE 754 doubles: beyond it two integers may share one text.
MAX_INTEGER = 2**53 - 1

_DIRECTIONS = (1, 2)  # incoming, outgoing


@dataclass(frozen=True, slots=True)
class Message:
    """Message that the server relays from one peer to another."""

    method: ClassVar[str]
    required: ClassVar[set[str]] = {"a", "b", "c"}
    optional: ClassVar[set[str]] = set()

    sender: Address
    sent_at: int  # ms since the Unix epoch, by the sender's idea of the server's clock
    recipient: Address


@dataclass(frozen=True, slots=True)
class Close(Message):
    """End of a connection."""

    method = "close"


@dataclass(frozen=True, slots=True)
class KeyedMessage(Message):
    """Message that carries the sender's X25519 key for this connection."""

    required: ClassVar = {"a", "b", "c", "d"}

    encryption_key: bytes


@dataclass(frozen=True, slots=True)
class Dial(KeyedMessage):
    """Request for an offer."""

    method = "dial"


@dataclass(frozen=True, slots=True)
class SealedMessage(KeyedMessage):
    """Message with a payload that is encrypted end to end."""

    required: ClassVar = {"a", "b", "c", "d", "e"}

    payload: str


@dataclass(frozen=True, slots=True)
class Offer(SealedMessage):
    """SDP offer."""

    method = "offer"


@dataclass(frozen=True, slots=True)
class Answer(SealedMessage):
    """SDP answer."""

    method = "answer"


@dataclass(frozen=True, slots=True)
class Ice(SealedMessage):
    """ICE candidates that came too late for the SDP."""

    method = "ice"
    optional: ClassVar = {"f"}

    direction: int | None = None


METHODS: dict[str, type[Message]] = {kind.method: kind for kind in (Dial, Offer, Answer, Ice, Close)}


def parse_message(method: str, data: object) -> Message:
    """Return the message that *data* is as *method*. Raise `ValueError` for anything else."""
    kind = METHODS.get(method)
    if kind is None:
        raise ValueError("is no method that is relayed")
    if not isinstance(data, dict) or not kind.required <= data.keys() <= kind.required | kind.optional:
        raise ValueError(f"has not the members of {method}")
    members: dict[str, Any] = {}
    for letter, value in data.items():
        name, read = _MEMBERS[letter]
        members[name] = read(value)
    return kind(**members)


def _read_timestamp(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_INTEGER:  # a bool is an int too
        raise ValueError("must be a timestamp in ms")
    return value


def _read_payload(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    decode(value)
    return value


def _read_direction(value: object) -> int:
    if type(value) is not int or value not in _DIRECTIONS:
        raise ValueError("must be 1 or 2")
    return value


_MEMBERS = {
    "a": ("sender", Address.parse),
    "b": ("sent_at", _read_timestamp),
    "c": ("recipient", Address.parse),
    "d": ("encryption_key", parse_encryption_key),
    "e": ("payload", _read_payload),
    "f": ("direction", _read_direction),
}
