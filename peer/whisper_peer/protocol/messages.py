"""Message types of the signaling protocol that a peer receives, parsed from the data of a call."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from whisper_peer.protocol.keys import Address, decode, parse_encryption_key

# RFC 8785 takes numbers as IEEE 754 doubles: beyond it two integers may share one text.
MAX_INTEGER = 2**53 - 1

_DIRECTIONS = (1, 2)  # incoming, outgoing
_WANTS = (1, 2, 3)  # audio, video, both

_DEVICE = re.compile(r"[A-Za-z0-9_-]{12}", re.ASCII)

FROM, TO, DIAL_KEY = "from_device", "to_device", "dial_key"


@dataclass(frozen=True, slots=True)
class Message:
    """Message that the server relays from one peer to another."""

    method: ClassVar[str]
    required: ClassVar[set[str]] = {"a", "b", "c"}
    optional: ClassVar[Mapping[str, str]] = {}  # names by letter: each method has its own

    sender: Address
    sent_at: int  # ms since the Unix epoch, by the sender's idea of the server's clock
    recipient: Address
    from_device: str | None = field(default=None, kw_only=True)
    to_device: str | None = field(default=None, kw_only=True)

    def may_be_from(self, device: str | None) -> bool:
        """Tell whether it may be of *device*: only two ids that differ say that it is not."""
        return None in (self.from_device, device) or self.from_device == device


@dataclass(frozen=True, slots=True)
class Close(Message):
    """End of a connection, or, with the key of a dial, of its ringing: another device has dealt with it."""

    method = "close"
    optional: ClassVar = {"d": FROM, "e": TO, "f": DIAL_KEY}

    dial_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeyedMessage(Message):
    """Message that carries the sender's X25519 key for this connection."""

    required: ClassVar = {"a", "b", "c", "d"}

    encryption_key: bytes


@dataclass(frozen=True, slots=True)
class Dial(KeyedMessage):
    """Request for an offer."""

    method = "dial"
    optional: ClassVar = {"e": FROM, "f": TO, "g": "wants"}

    wants: int | None = None


@dataclass(frozen=True, slots=True)
class SealedMessage(KeyedMessage):
    """Message with a payload that is encrypted end to end."""

    required: ClassVar = {"a", "b", "c", "d", "e"}
    optional: ClassVar = {"f": FROM, "g": TO}

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
    optional: ClassVar = {"f": "direction", "g": FROM, "h": TO}

    direction: int | None = None


METHODS: dict[str, type[Message]] = {kind.method: kind for kind in (Dial, Offer, Answer, Ice, Close)}


def parse_message(method: str, data: object) -> Message:
    """Return the message that *data* is as *method*. Raise `ValueError` for anything else."""
    kind = METHODS.get(method)
    if kind is None:
        raise ValueError("is no method that is relayed")
    if not isinstance(data, dict) or not kind.required <= data.keys() <= kind.required | kind.optional.keys():
        raise ValueError(f"has not the members of {method}")
    members: dict[str, Any] = {}
    for letter, value in data.items():
        name = kind.optional.get(letter) or _REQUIRED[letter]
        members[name] = _READ[name](value)
    return kind(**members)


def optional_members(method: str, **values: str | None) -> dict[str, str]:
    """Return those *values* that are there under the letters of *method*."""
    letters = {name: letter for letter, name in METHODS[method].optional.items()}
    return {letters[name]: value for name, value in values.items() if value is not None}


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


def _read_wants(value: object) -> int:
    if type(value) is not int or value not in _WANTS:
        raise ValueError("must be 1, 2 or 3")
    return value


def _read_device(value: object) -> str:
    if not isinstance(value, str) or not _DEVICE.fullmatch(value):
        raise ValueError("must be the id of a device")
    return value


_REQUIRED = {"a": "sender", "b": "sent_at", "c": "recipient", "d": "encryption_key", "e": "payload"}
_READ: dict[str, Callable[[object], object]] = {
    "sender": Address.parse,
    "sent_at": _read_timestamp,
    "recipient": Address.parse,
    "encryption_key": parse_encryption_key,
    "payload": _read_payload,
    "direction": _read_direction,
    "wants": _read_wants,
    FROM: _read_device,
    TO: _read_device,
    DIAL_KEY: parse_encryption_key,
}
