"""Signaling state machine of one side of a connection: offer/answer, glare and keys, without any I/O.

The caller dials; the callee offers; the caller answers. Either sends `ice` at any time, even
before the description it belongs to: pushes keep no order. When both dial at once (glare), the dial of the
lower address (raw bytes) wins: the peer with the higher one turns from caller to called, and makes the offer.
"""

from base64 import b64encode
from contextlib import suppress

from aiortc import RTCSessionDescription
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from whisper_peer.candidates import Candidates, parse_candidates
from whisper_peer.errors import BrokenSeal, Dropped, Reason
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.messages import Answer, Close, Dial, Ice, KeyedMessage, Message, Offer
from whisper_peer.protocol.sealing import Keys, Party, seal, unseal

# Calls with candidates that may wait for the offer they belong to.
MAX_EARLY = 16


class SignalingSession:
    """Signaling between *me* and *them* since *since* (ms of the server's time)."""

    def __init__(self, me: Address, them: Address, since: int) -> None:
        self._private = X25519PrivateKey.generate()
        self._me = Party(me, self._private.public_key().public_bytes_raw())
        self._them = them
        self._their_key: bytes | None = None
        self.their_device: str | None = None  # where to send to, if they have told; never who they are
        self._last_at = since
        self._early: list[Ice] = []
        self.expected: type[Offer | Answer] | None = None
        self.dials = False  # or is dialled
        self._keys: Keys | None = None

    @property
    def encryption_key(self) -> str:
        """Our X25519 public key for this connection, base64."""
        return b64encode(self._me.encryption_key).decode()

    @property
    def gives_way(self) -> bool:
        """Whether ours is dropped when both dial, or both offer: our address is the higher."""
        return self._me.address.raw > self._them.raw

    def seal(self, method: str, value: object) -> str:
        """Seal *value* for them; their key must be known."""
        return seal(method, value, self.require_keys().outgoing)

    def require_keys(self) -> Keys:
        """Return the keys of this connection. Raise `RuntimeError` while theirs is not known."""
        if self._keys is None:
            raise RuntimeError("the other's key is not known yet")
        return self._keys

    def is_replaced_by(self, dial: Dial) -> bool:
        """Tell whether they have started anew: a later dial, with another key, that does not cross ours."""
        new = dial.sent_at > self._last_at and dial.encryption_key != self._their_key
        return new and self.expected is not Offer

    def is_same_device(self, dial: Dial) -> bool:
        """Tell whether *dial* may be of the device that we are connected with: it need not ring."""
        return dial.may_be_from(self.their_device)

    def is_ended_by(self, close: Close) -> bool:
        """Tell whether *close* is about this connection: one that is older, or of another device, is not.

        One with the key of a dial is about the connection that answers it, however old it seems.
        """
        if close.dial_key is not None:
            return not self.dials and close.dial_key == self._their_key
        return close.sent_at > self._last_at and close.may_be_from(self.their_device)

    def is_too_late(self, message: Message) -> bool:
        """Tell whether another of their devices offers to our dial, and that of an earlier one was taken."""
        rival = isinstance(message, Offer) and message.encryption_key != self._their_key
        return rival and self.dials and self._their_key is not None and message.from_device is not None

    def on_dial(self, dial: Dial) -> None:
        """Take a dial. Raise `Dropped` for one that crossed ours and lost, or that came too late."""
        if self._their_key is not None:
            raise Dropped(Reason.UNEXPECTED)
        if self.expected is Offer and not self.gives_way:
            raise Dropped(Reason.GLARE)
        self.dials = False
        self._agree(dial, self._keys_with(dial))

    def on_description(self, message: Offer | Answer) -> RTCSessionDescription:
        """Open the offer or answer that we await. Raise `Dropped` for any other."""
        if self.expected is None or type(message) is not self.expected:
            raise Dropped(Reason.UNEXPECTED)
        if self._their_key not in {None, message.encryption_key}:
            raise Dropped(Reason.UNEXPECTED)
        keys = self._keys_with(message)
        description = _parse_description(message, keys)
        self._agree(message, keys)
        return description

    def on_ice(self, message: Ice) -> Candidates:
        """Open candidates; those before the offer wait for `pop_early_candidates`. Raise `Dropped`."""
        if self._their_key is None:
            return self._keep(message)
        if message.encryption_key != self._their_key:
            raise Dropped(Reason.UNEXPECTED)
        return _parse_ice(message, self.require_keys())

    def pop_early_candidates(self) -> Candidates:
        """Return the candidates that came before the offer, once; those that do not open are forgotten."""
        kept, self._early = self._early, []
        found: Candidates = []
        for message in kept:
            with suppress(Dropped):
                found += self.on_ice(message)
        return found

    def _keep(self, message: Ice) -> Candidates:
        if len(self._early) >= MAX_EARLY:
            raise Dropped(Reason.BUSY)
        self._early.append(message)
        return []

    def _keys_with(self, message: KeyedMessage) -> Keys:
        try:
            return Keys.agree(self._private, self._me, Party(self._them, message.encryption_key))
        except BrokenSeal:
            raise Dropped(Reason.BROKEN_SEAL) from None

    def _agree(self, message: KeyedMessage, keys: Keys) -> None:
        self._their_key, self._keys = message.encryption_key, keys
        self.their_device = message.from_device or self.their_device
        self._last_at = max(self._last_at, message.sent_at)
        self.expected = None


def _parse_description(message: Offer | Answer, keys: Keys) -> RTCSessionDescription:
    match _unseal(message, keys):
        case {"type": str(kind), "sdp": str(sdp)} if kind == message.method:
            return RTCSessionDescription(sdp, kind)
        case _:
            raise Dropped(Reason.BROKEN_SEAL)


def _parse_ice(message: Ice, keys: Keys) -> Candidates:
    try:
        return parse_candidates(_unseal(message, keys))
    except BrokenSeal:
        raise Dropped(Reason.BROKEN_SEAL) from None


def _unseal(message: Offer | Answer | Ice, keys: Keys) -> object:
    try:
        return unseal(message.method, message.payload, keys.incoming)
    except BrokenSeal:
        raise Dropped(Reason.BROKEN_SEAL) from None
