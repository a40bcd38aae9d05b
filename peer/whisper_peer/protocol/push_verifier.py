"""Verification of pushes by their recipient: shape, timestamp, recipient, signature, duplicates.

No I/O and no clock.
"""

from dataclasses import dataclass

from whisper_peer.errors import BadSignature, Dropped, Reason
from whisper_peer.protocol.bounded_set import BoundedSet
from whisper_peer.protocol.jcs import canonical, parse
from whisper_peer.protocol.keys import SIGNATURE_BYTES, Address, decode
from whisper_peer.protocol.messages import Message, parse_message

# A push can take seconds where an HTTP request takes milliseconds.
WINDOW_MS = 60_000

# Duplicates come within the window; nobody makes a thousand honest calls to one peer in a minute.
MAX_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Call:
    """Verified call: its sender signed exactly *text*."""

    message: Message
    text: str
    signature: str
    devices: int = 1  # that the same push was sent to, as the server says


class PushVerifier:
    """Verifier of the pushes to one address, which accepts each signature once."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._seen: BoundedSet[str] = BoundedSet(MAX_REMEMBERED)

    def verify(self, plaintext: bytes, now: int) -> Call:
        """Return the verified call in a push; *now* is the server's time in ms. Raise `Dropped`.

        The order is the protocol's: shape, timestamp, recipient, signature, and only then what came before.
        """
        method, text, signature, devices = _read_push(plaintext)
        message = _read_message(method, text)
        if abs(now - message.sent_at) > WINDOW_MS:
            raise Dropped(Reason.STALE)
        if message.recipient != self._address:
            raise Dropped(Reason.NOT_FOR_ME)
        _check_signature(message.sender, text, signature)
        self._remember(signature)
        return Call(message, text, signature, devices)

    def _remember(self, signature: str) -> None:
        if signature in self._seen:
            raise Dropped(Reason.SEEN)
        self._seen.add(signature)


def _read_push(plaintext: bytes) -> tuple[str, str, str, int]:
    match _parse(plaintext):
        case {"data": {"a": str(method), "b": str(text), "c": str(signature)}, **others}:
            devices = others.get("devices")
            return method, text, signature, devices if type(devices) is int else 1
        case _:
            raise Dropped(Reason.NOT_A_CALL)


def _read_message(method: str, text: str) -> Message:
    """Return the message in *text*: exactly the canonical text, or it is not what was signed."""
    data = _parse(text.encode())
    try:
        message = parse_message(method, data)
    except ValueError:
        raise Dropped(Reason.NOT_A_CALL) from None
    if canonical(data) != text:
        raise Dropped(Reason.NOT_A_CALL)
    return message


def _parse(body: bytes) -> object:
    try:
        return parse(body)
    except ValueError:
        raise Dropped(Reason.NOT_A_CALL) from None


def _check_signature(sender: Address, text: str, signature: str) -> None:
    try:
        sender.verify(text.encode(), decode(signature, SIGNATURE_BYTES))
    except (ValueError, BadSignature):
        raise Dropped(Reason.FORGED) from None
