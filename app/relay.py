"""Relay of verified calls: registration, and forwarding to the recipient's push service."""

from asyncio import Future, get_running_loop, shield
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, cast

from app.limits.bounded_map import BoundedMap
from app.limits.errors import AlreadyInFlight
from app.protocol.envelope import Call, UnverifiedCall
from app.protocol.keys import Address
from app.protocol.messages import Message, RelayedMessage, Update
from app.protocol.replay import ReplayMemory
from app.protocol.subscription import Endpoint
from app.push.errors import EndpointNotAllowed, EndpointUnverified, PushTimedOut, require_accepted
from app.push.outcome import DeliveryStatus, Outcome
from app.push.service import PushService
from app.store.errors import DatabaseUnavailable, UnknownRecipient
from app.store.subscriptions import StoredSubscription, Subscriptions

REPEAT_AFTER_S = 1  # a repeat that need not wait: the call has 10 s at most

# A sender that was found registered is not looked up again for so long; beyond so many, the oldest is.
KNOWN_SENDER_MS = 10 * 60 * 1000
MAX_KNOWN_SENDERS = 50_000


class Charges(Protocol):
    """Charges for a call, and for what only the store can tell of it; each may refuse."""

    def call(self) -> Awaitable[None]:
        """Charge for the call itself."""

    def new_address(self) -> Awaitable[None]:
        """Charge for an address that registers for the first time."""

    def unknown_recipient(self) -> Awaitable[None]:
        """Charge for a call to an address that is not registered."""

    def unregistered_sender(self) -> Awaitable[None]:
        """Charge for a call of an address that is not registered itself."""


@dataclass(slots=True)
class _InFlight:
    """A call that is on its way: its end, and how many repeats of it wait for that."""

    done: Future[None]
    error: Exception | None = None
    waiting: int = 0


class Relay:
    """Action on each verified call. All times in ms; *window* is the clock window.

    At most *max_waiting* repeats of a call that is on its way wait for its end. Senders are looked up only if
    *charges_unregistered*.
    """

    def __init__(
        self,
        subscriptions: Subscriptions,
        push: PushService,
        window: int,
        max_waiting: int,
        *,
        charges_unregistered: bool,
    ) -> None:
        self._subscriptions = subscriptions
        self._push = push
        self._window = window
        self._max_waiting = max_waiting
        self._charges_unregistered = charges_unregistered
        self._relayed: ReplayMemory[str] = ReplayMemory()  # signatures of calls on their way, or done
        self._in_flight: dict[str, _InFlight] = {}  # by the text that is signed
        self._known_senders: BoundedMap[bytes, int] = BoundedMap(MAX_KNOWN_SENDERS)

    def is_repeat(self, call: UnverifiedCall[Message], now: int) -> bool:
        """Tell whether this very *call* was verified and relayed before; its end is that of `repeat`.

        Raise `Replayed` if the text was relayed as another method.
        """
        return self._relayed.find(call.text, call.message.method, now) == call.signature

    async def repeat(self, text: str) -> None:
        """End as the call of this *text* does, or did. Raise `AlreadyInFlight` if enough wait for that."""
        earlier = self._in_flight.get(text)
        if earlier is None:
            return
        if earlier.waiting >= self._max_waiting:
            raise AlreadyInFlight(retry_after=REPEAT_AFTER_S)
        earlier.waiting += 1
        try:
            await shield(earlier.done)  # a caller that gives up must not end it for the others
        finally:
            earlier.waiting -= 1
        if earlier.error:
            raise earlier.error

    def handle(self, call: Call[Message], now: int, charges: Charges) -> Awaitable[bool]:
        """Register, forget or forward; tell whether that showed the sender to be registered.

        The awaited raises the `Refused` that says why it was not done.

        Some of *charges* are made before anything is stored or sent, and may refuse.
        """
        if isinstance(call.message, Update):
            return self._update(call.message, now, charges)
        return self._forward_once(cast("Call[RelayedMessage]", call), now, charges)

    async def _update(self, update: Update, now: int, charges: Charges) -> bool:
        subscription = update.subscription
        if subscription is None and not update.forgets:
            is_registered = await self._subscriptions.get(update.sender, now) is not None
            if not is_registered:
                await charges.unregistered_sender()
            await charges.call()
            return is_registered and update.sent_at is not None  # without, it may be anybody who recorded it
        if subscription is not None:
            await self._check_endpoint(subscription.endpoint, charges)
        stored = await self._subscriptions.get(update.sender, now)
        if stored is None:
            await charges.new_address()
        await charges.call()
        if subscription is None:
            await self._subscriptions.tombstone(update.sender, update.sent_at or 0)
            return False
        if stored is None or stored.target != subscription.target:
            await self._subscriptions.check_not_gone(update.sender, subscription.target)
            outcome = await self._push.ensure_verified(update.sender, subscription.target, update.code, now)
            if outcome is not None:
                require_accepted(outcome)
                raise EndpointUnverified
        key = self._push.newest_key
        await self._subscriptions.upsert(update.sender, subscription, update.sent_at, now, key)
        return update.sent_at is not None or stored is None

    async def _check_endpoint(self, endpoint: Endpoint, charges: Charges) -> None:
        """Raise `EndpointNotAllowed` unless this server sends to *endpoint*; that is charged."""
        try:
            self._push.check_endpoint(endpoint)
        except EndpointNotAllowed:
            await charges.unregistered_sender()
            raise

    async def _forward_once(self, call: Call[RelayedMessage], now: int, charges: Charges) -> bool:
        """Forward *call*, unless it was forwarded already; the same call in flight shares its end."""
        method = call.message.method
        if self._relayed.find(call.text, method, now):
            await self.repeat(call.text)
            return False
        in_flight = self._in_flight[call.text] = _InFlight(get_running_loop().create_future())
        stale_at = call.message.sent_at + self._window
        self._relayed.add(call.text, method, call.signature, stale_at=stale_at, now=now)
        try:
            await self._forward(call, now, charges)
        except BaseException as error:
            # Cancelled, it may have been delivered or not: that is what a time-out says.
            in_flight.error = error if isinstance(error, Exception) else PushTimedOut()
            self._relayed.remove(call.text)
            raise
        finally:
            self._in_flight.pop(call.text, None)
            in_flight.done.set_result(None)
        return False

    async def _forward(self, call: Call[RelayedMessage], now: int, charges: Charges) -> None:
        subscription = await self._find_recipient(call.message, now, charges)
        if subscription is None:
            await charges.unknown_recipient()
        await charges.call()
        if subscription is None:
            raise UnknownRecipient
        self._note_registered(call.message.recipient, now)  # who will call back
        outcome = await self._send(call, subscription, now)
        if outcome.delivery is DeliveryStatus.GONE:
            newer = await self._delete_gone(call.message.recipient, subscription, now)
            outcome = await self._send(call, newer, now) if newer else outcome
        require_accepted(outcome)

    async def _find_recipient(
        self, message: RelayedMessage, now: int, charges: Charges
    ) -> StoredSubscription | None:
        """Return the recipient's subscription; charge for a sender that is not registered."""
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
            self._known_senders[address.raw] = now + KNOWN_SENDER_MS

    async def _send(self, call: Call[RelayedMessage], subscription: StoredSubscription, now: int) -> Outcome:
        outcome = await self._push.send(call, subscription.target, subscription.vapid_key, now)
        if outcome.delivery is DeliveryStatus.ACCEPTED and outcome.key_id is not None:
            with suppress(DatabaseUnavailable):  # the next call finds out again
                await self._subscriptions.set_vapid_key(
                    call.message.recipient, subscription.target, outcome.key_id
                )
        return outcome

    async def _delete_gone(
        self, address: Address, gone: StoredSubscription, now: int
    ) -> StoredSubscription | None:
        """Delete what is *gone*; return its successor if a replica was late."""
        with suppress(DatabaseUnavailable):
            dropped = await self._subscriptions.delete_if_current(address, gone.target, now)
            if not dropped and self._subscriptions.may_lag:
                return await self._subscriptions.get(address, now)
        return None
