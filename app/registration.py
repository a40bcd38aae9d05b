"""Registration of devices: an `update` stores, renews, ends or forgets a subscription."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from app.protocol.keys import Address
from app.protocol.messages import Update
from app.protocol.subscription import Endpoint, Subscription
from app.push.errors import EndpointNotAllowed, EndpointUnverified, require_accepted
from app.push.sender import PushSender
from app.store.subscription_lookups import Devices, StoredSubscription
from app.store.subscriptions import Subscriptions


class CallCharges(Protocol):
    """Rate-limit charges: for a call, and for facts about it that only the store knows; each may refuse."""

    def call(self) -> Awaitable[None]:
        """Charge for the call itself."""

    def new_address(self) -> Awaitable[None]:
        """Charge for an address that registers for the first time."""

    def unknown_recipient(self) -> Awaitable[None]:
        """Charge for a call to an address that is not registered."""

    def unregistered_sender(self) -> Awaitable[None]:
        """Charge for a call of an address that is not registered itself."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Live devices of a registered sender, and the id of the one that was registered just now."""

    devices: Devices
    device: str | None = None


class Registrar:
    """Registrar of devices: acts on each verified `update`. All times in ms."""

    def __init__(self, subscriptions: Subscriptions, push: PushSender) -> None:
        self._subscriptions = subscriptions
        self._push = push

    async def update(self, update: Update, now: int, charges: CallCharges) -> Registration | None:
        """Store what *update* says; return the registration if that showed the sender to be registered."""
        ends = update.device or update.has_expired(now)
        if update.subscription is not None and not ends:
            return await self._register(update, update.subscription, now, charges)
        found = await self._subscriptions.get(update.sender, now)
        known = [self._name(update.sender, each) for each in found]
        if ends:
            return await self._end(update, known, charges)
        if update.forgets:
            if not known:
                await charges.new_address()
            await charges.call()
            await self._subscriptions.tombstone(update.sender, update.sent_at or 0)
            return None
        if not known:
            await charges.unregistered_sender()
        await charges.call()
        # Without a timestamp it may be anybody who recorded it.
        return Registration(known) if known and update.sent_at is not None else None

    async def _register(
        self, update: Update, subscription: Subscription, now: int, charges: CallCharges
    ) -> Registration | None:
        sender, target = update.sender, subscription.target
        asked = self._subscriptions.ask_gone(sender, target)
        known = await self._subscriptions.get(sender, now)
        await self._check_endpoint(subscription.endpoint, charges)
        if not known:
            await charges.new_address()
        await charges.call()
        if target not in [each.target for each in known]:
            await self._subscriptions.check_not_gone(asked)
            outcome = await self._push.ensure_verified(sender, target, update.code, now)
            if outcome is not None:
                require_accepted(outcome)
                raise EndpointUnverified
        key = self._push.newest_key
        devices = await self._subscriptions.upsert(sender, subscription, update.sent_at, now, key, known)
        if update.sent_at is None and known:
            return None
        return Registration(devices, devices[-1].device)

    def _name(self, sender: Address, found: StoredSubscription) -> StoredSubscription:
        """Return *found* with its id, which one that only the version before has stored lacks."""
        if found.device is not None:
            return found
        return found._replace(device=self._subscriptions.device_id(sender, found.target.endpoint))

    async def _check_endpoint(self, endpoint: Endpoint, charges: CallCharges) -> None:
        """Raise `EndpointNotAllowed` unless this server sends to *endpoint*; that is charged."""
        try:
            self._push.check_endpoint(endpoint)
        except EndpointNotAllowed:
            await charges.unregistered_sender()
            raise

    async def _end(self, update: Update, known: Devices, charges: CallCharges) -> Registration | None:
        """End one device of the sender. One that is not theirs ends nothing."""
        if not known:
            await charges.unregistered_sender()
        await charges.call()
        endpoint = update.subscription.endpoint if update.subscription else None
        ended = [
            each
            for each in known
            if each.target.endpoint == endpoint
            or (update.device is not None and each.device == update.device)
        ]
        for each in ended:
            await self._subscriptions.end(update.sender, each, update.sent_at or 0)
        left = [each for each in known if each not in ended]
        return Registration(left) if left else None
