"""The recipient's checks: what makes a push a call that this peer may believe. No I/O, no clock."""

from collections import OrderedDict

from pydantic import ValidationError

from app.protocol.envelope import Call
from app.protocol.errors import BadSignature, NotJson
from app.protocol.jcs import canonical, parse
from app.protocol.keys import Address, decode
from app.protocol.messages import METHODS, Directed
from app.protocol.numbers import SIGNATURE_BYTES
from tests.peer.errors import Dropped, Reason

# A push can take seconds where an HTTP request takes milliseconds.
WINDOW_MS = 60_000

# Duplicates come within the window; nobody makes a thousand honest calls to one peer in a minute.
MAX_REMEMBERED = 1024


class Inbox:
    """Opens pushes for one address, each signature once."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._seen: OrderedDict[str, None] = OrderedDict()

    def open(self, plaintext: bytes, now: int) -> Call[Directed]:
        """Return the verified call in a push; *now* is the server's time in ms. Raise `Dropped`.

        The order is the protocol's: shape, timestamp, recipient, signature, and only then what came before.
        """
        method, text, signature = _read_push(plaintext)
        message = _read_message(method, text)
        if abs(now - message.sent_at) > WINDOW_MS:
            raise Dropped(Reason.STALE)
        if message.recipient != self._address:
            raise Dropped(Reason.NOT_FOR_ME)
        _verify(message.sender, text, signature)
        self._remember(signature)
        return Call(message, text, signature)

    def _remember(self, signature: str) -> None:
        if signature in self._seen:
            raise Dropped(Reason.SEEN)
        self._seen[signature] = None
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)


def _read_push(plaintext: bytes) -> tuple[str, str, str]:
    match _parse(plaintext):
        case {"data": {"a": str(method), "b": str(text), "c": str(signature)}}:
            return method, text, signature
        case _:
            raise Dropped(Reason.NOT_A_CALL)


def _read_message(method: str, text: str) -> Directed:
    """Return what *text* says as *method*: exactly the canonical text, or it is not what was signed."""
    kind = METHODS.get(method)
    if kind is None or not issubclass(kind, Directed):  # an update is for the server alone
        raise Dropped(Reason.NOT_A_CALL)
    data = _parse(text.encode())
    try:
        message = kind.model_validate(data)
    except ValidationError:
        raise Dropped(Reason.NOT_A_CALL) from None
    if canonical(data) != text:
        raise Dropped(Reason.NOT_A_CALL)
    return message


def _parse(body: bytes) -> object:
    try:
        return parse(body)
    except NotJson:
        raise Dropped(Reason.NOT_A_CALL) from None


def _verify(sender: Address, text: str, signature: str) -> None:
    try:
        sender.verify(text, decode(signature, SIGNATURE_BYTES))
    except (ValueError, BadSignature):
        raise Dropped(Reason.FORGED) from None
