"""Relay of verified calls: each is acted on once, and its repeats share its result."""

from asyncio import Future, get_running_loop, shield
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import cast

from app.fan_out import FanOut
from app.limits.bounded_map import BoundedMap
from app.limits.errors import AlreadyInFlight
from app.protocol.envelope import Call, UnverifiedCall
from app.protocol.keys import Address
from app.protocol.messages import Message, RelayedMessage, Update, is_relayed
from app.protocol.replay import ReplayMemory
from app.push.errors import PushTimedOut
from app.push.sender import PushSender
from app.registration import CallCharges, Registrar, Registration
from app.store.errors import UnknownRecipient
from app.store.subscription_lookups import Devices
from app.store.subscriptions import Subscriptions

REPEAT_AFTER_S = 1  # a repeat that need not wait: the call has 10 s at most

# A sender that was found registered is not looked up again for so long; beyond so many, the oldest is.
KNOWN_SENDER_MS = 10 * 60 * 1000
MAX_KNOWN_SENDERS = 50_000


@dataclass(slots=True)
class _Repeats:
    """Repeats of a call in flight: its result, and the number of them that wait for it."""

    done: Future[None]
    error: Exception | None = None
    waiting: int = 0


class Relay:
    """Relay of verified calls. All times in ms; *window* is the clock window.

    At most *max_waiting* repeats of a call in flight wait for its result. Senders are looked up only if
    *charges_unregistered*.
    """

    def __init__(
        self,
        subscriptions: Subscriptions,
        push: PushSender,
        window: int,
        max_waiting: int,
        *,
        charges_unregistered: bool,
    ) -> None:
        self._subscriptions = subscriptions
        self._registrar = Registrar(subscriptions, push)
        self._fan_out = FanOut(subscriptions, push)
        self._window = window
        self._max_waiting = max_waiting
        self._charges_unregistered = charges_unregistered
        self._relayed: ReplayMemory[str] = ReplayMemory()  # signatures of calls on their way, or done
        self._in_flight: dict[bytes, _Repeats | None] = {}  # by the digest; most have no repeats
        self._known_senders: BoundedMap[bytes, int] = BoundedMap(MAX_KNOWN_SENDERS)

    def is_repeat(self, call: UnverifiedCall[Message], now: int) -> bool:
        """Tell whether this very *call* was verified and relayed before; its end is that of `repeat`.

        Raise `Replayed` if the text was relayed as another method.
        """
        return self._relayed.find(call.digest, call.message.method, now) == call.signature

    async def repeat(self, digest: bytes) -> None:
        """End as the call of this *digest* does, or did. Raise `AlreadyInFlight` if enough wait for that."""
        if digest not in self._in_flight:
            return
        repeats = self._in_flight[digest] or _Repeats(get_running_loop().create_future())
        if repeats.waiting >= self._max_waiting:
            raise AlreadyInFlight(retry_after=REPEAT_AFTER_S)
        self._in_flight[digest] = repeats
        repeats.waiting += 1
        try:
            await shield(repeats.done)  # a caller that gives up must not end it for the others
        finally:
            repeats.waiting -= 1
        if repeats.error:
            raise repeats.error

    def handle(self, call: Call[Message], now: int, charges: CallCharges) -> Awaitable[Registration | None]:
        """Register, forget or forward; return the registration of a sender that was shown to have one.

        The awaited raises the `Refused` that says why it was not done.

        Some of *charges* are made before anything is stored or sent, and may refuse.
        """
        if is_relayed(call.message):
            return self._forward_once(cast("Call[RelayedMessage]", call), now, charges)
        return self._registrar.update(cast("Update", call.message), now, charges)

    async def _forward_once(self, call: Call[RelayedMessage], now: int, charges: CallCharges) -> None:
        """Forward *call*, unless it was forwarded already; the same call in flight shares its end."""
        message, _, signature, digest = call
        if self._relayed.find(digest, message.method, now):
            return await self.repeat(digest)
        self._in_flight.setdefault(digest, None)  # there already if it is in flight, but was forgotten
        stale_at = message.sent_at + self._window
        self._relayed.add(digest, message.method, signature, stale_at=stale_at, now=now)
        try:
            await self._forward(call, now, charges)
        except BaseException as error:
            # For those that wait, or it and its traceback would keep each other until a garbage collection.
            # Cancelled, it may have been delivered or not: that is what a time-out says.
            if repeats := self._in_flight.get(digest):
                repeats.error = error if isinstance(error, Exception) else PushTimedOut()
            self._relayed.remove(digest)
            raise
        finally:
            if repeats := self._in_flight.pop(digest, None):
                repeats.done.set_result(None)
        return None

    async def _forward(self, call: Call[RelayedMessage], now: int, charges: CallCharges) -> None:
        devices = await self._find_recipient(call.message, now, charges)
        if not devices:
            await charges.unknown_recipient()
        await charges.call()
        if not devices:
            raise UnknownRecipient
        self._note_registered(call.message.recipient, now)  # who will call back
        await self._fan_out.send(call, devices, now)

    async def _find_recipient(self, message: RelayedMessage, now: int, charges: CallCharges) -> Devices:
        """Return the recipient's devices; charge for a sender that is not registered."""
        find, sender = self._subscriptions.find_maybe_stale, message.sender
        if self._known_senders.get(sender.raw, 0) > now or not self._charges_unregistered:
            return await find(message.recipient, now)
        asked = self._subscriptions.ask(sender)
        found = await find(message.recipient, now)
        if await self._subscriptions.is_registered(sender, asked, now):
            self._note_registered(sender, now)
        else:
            await charges.unregistered_sender()
        return found

    def _note_registered(self, address: Address, now: int) -> None:
        if self._known_senders.get(address.raw, 0) < now + KNOWN_SENDER_MS // 2:
            self._known_senders.put(address.raw, now + KNOWN_SENDER_MS)
