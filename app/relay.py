"""Relay of verified calls: registration, and forwarding to the recipient's push service."""

from asyncio import Future, get_running_loop, shield
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from app.protocol.envelope import Call, UnverifiedCall
from app.protocol.errors import Refused
from app.protocol.keys import Address
from app.protocol.messages import Directed, Message, Update
from app.protocol.replay import ReplayMemory
from app.push.errors import (
    EndpointNotAllowed,
    EndpointUnverified,
    MessageTooLarge,
    PushBusy,
    PushRefused,
    PushTimedOut,
    PushUnreachable,
    RecipientGone,
)
from app.push.outcome import DEFAULT_RETRY_AFTER_S, DeliveryStatus, Outcome
from app.push.service import PushService
from app.store.errors import DatabaseUnavailable, UnknownRecipient
from app.store.subscriptions import StoredSubscription, Subscriptions

_REFUSALS: dict[DeliveryStatus, type[Refused]] = {
    DeliveryStatus.GONE: RecipientGone,
    DeliveryStatus.TOO_LARGE: MessageTooLarge,
    DeliveryStatus.REFUSED: PushRefused,
    DeliveryStatus.FORBIDDEN: EndpointNotAllowed,
    DeliveryStatus.UNREACHABLE: PushUnreachable,
    DeliveryStatus.TIMED_OUT: PushTimedOut,
    DeliveryStatus.LOST: PushTimedOut,
}

# Counts a new address before it is stored; may refuse.
ChargeNewAddress = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class _Relayed:
    """A call that is on its way, or has ended: well, or with an error."""

    call: Call[Directed]
    done: Future[None] | None  # `None` once it has ended
    error: Exception | None = None


class Relay:
    """Action on each verified call. All times in ms; *window* is the clock window."""

    def __init__(self, subscriptions: Subscriptions, push: PushService, window: int) -> None:
        self._subscriptions = subscriptions
        self._push = push
        self._window = window
        self._relayed: ReplayMemory[_Relayed] = ReplayMemory()

    def recall(self, unverified: UnverifiedCall[Message], now: int) -> Call[Message] | None:
        """Return the very call that was verified and relayed before, `None` for a new one.

        Raise `Replayed` if the text was relayed as another method.
        """
        relayed = self._relayed.find(unverified.text, unverified.message.method, now)
        return relayed.call if relayed and relayed.call.signature == unverified.signature else None

    def handle(self, call: Call[Message], now: int, charge: ChargeNewAddress) -> Awaitable[None]:
        """Register, forget or forward. The awaited raises the `Refused` that says why it was not done.

        *charge* is awaited before a new address is stored, and may refuse.
        """
        if isinstance(call.message, Update):
            return self._update(call.message, now, charge)
        return self._forward_once(cast("Call[Directed]", call), now)

    async def _update(self, update: Update, now: int, charge: ChargeNewAddress) -> None:
        subscription = update.subscription
        if subscription is None and not update.forgets:
            return
        if subscription is not None:
            self._push.check(subscription.endpoint)
        stored = await self._subscriptions.get(update.sender, now)
        if stored is None:
            await charge()
        if subscription is None:
            await self._subscriptions.tombstone(update.sender, update.sent_at or 0)
            return
        if stored is None or stored.target != subscription.target:
            outcome = await self._push.challenge(update.sender, subscription.target, update.code, now)
            if outcome is not None:
                _require_accepted(outcome)
                raise EndpointUnverified
        key = self._push.newest_key
        await self._subscriptions.upsert(update.sender, subscription, update.sent_at, now, key)

    async def _forward_once(self, call: Call[Directed], now: int) -> None:
        """Forward *call*, unless it was forwarded already; the same call in flight shares its end."""
        method = call.message.method
        if earlier := self._relayed.find(call.text, method, now):
            if earlier.done:
                await shield(earlier.done)  # a caller that gives up must not end it for the others
            if earlier.error:
                raise earlier.error
            return
        done = get_running_loop().create_future()
        relayed = _Relayed(call, done)
        stale_at = call.message.sent_at + self._window
        self._relayed.add(call.text, method, relayed, stale_at=stale_at, now=now)
        try:
            await self._forward(call, now)
        except BaseException as error:
            # Cancelled, it may have been delivered or not: that is what a time-out says.
            relayed.error = error if isinstance(error, Exception) else PushTimedOut()
            self._relayed.remove(call.text)
            raise
        finally:
            relayed.done = None
            done.set_result(None)

    async def _forward(self, call: Call[Directed], now: int) -> None:
        subscription = await self._subscriptions.find_recipient(call.message.recipient, now)
        if subscription is None:
            raise UnknownRecipient
        outcome = await self._send(call, subscription, now)
        if outcome.delivery is DeliveryStatus.GONE:
            newer = await self._newer(call.message.recipient, subscription, now)
            outcome = await self._send(call, newer, now) if newer else outcome
        _require_accepted(outcome)

    async def _send(self, call: Call[Directed], subscription: StoredSubscription, now: int) -> Outcome:
        outcome = await self._push.send(call, subscription.target, subscription.vapid_key, now)
        if outcome.delivery is DeliveryStatus.ACCEPTED and outcome.key_id is not None:
            with suppress(DatabaseUnavailable):  # the next call finds out again
                await self._subscriptions.set_vapid_key(
                    call.message.recipient, subscription.target, outcome.key_id
                )
        return outcome

    async def _newer(self, address: Address, gone: StoredSubscription, now: int) -> StoredSubscription | None:
        """Delete what is *gone*; return its successor if a replica was late."""
        with suppress(DatabaseUnavailable):
            dropped = await self._subscriptions.delete_if_current(address, gone.target)
            if not dropped and self._subscriptions.may_lag:
                return await self._subscriptions.get(address, now)
        return None


def _require_accepted(outcome: Outcome) -> None:
    """Raise the refusal for *outcome* unless the push service accepted the message."""
    match outcome:
        case Outcome(delivery=DeliveryStatus.ACCEPTED):
            return
        case Outcome(delivery=DeliveryStatus.BUSY, retry_after=seconds):
            raise PushBusy(retry_after=DEFAULT_RETRY_AFTER_S if seconds is None else seconds)
        case Outcome(delivery=DeliveryStatus.REFUSED, status=int(status)):
            raise PushRefused(f"The recipient's push service refused the message with status {status}.")
        case Outcome(delivery=delivery):
            raise _REFUSALS[delivery]
