"""Fan-out of a verified call: to every device of its recipient at once, or to the one that is meant."""

from asyncio import create_task, timeout_at
from collections.abc import Awaitable
from contextlib import suppress

from app.protocol.envelope import Call
from app.protocol.errors import Refused
from app.protocol.keys import Address
from app.protocol.messages import RelayedMessage
from app.protocol.subscription import PushTarget
from app.push.errors import PushTimedOut, RecipientGone, pick_refusal, require_accepted
from app.push.outcome import DeliveryStatus, Outcome
from app.push.push_message import PushMessage
from app.push.sender import PushSender
from app.store.errors import DatabaseUnavailable, UnknownRecipient
from app.store.subscription_lookups import Devices, StoredSubscription
from app.store.subscriptions import Subscriptions


class FanOut:
    """Sender of each call to the devices of its recipient. All times in ms."""

    def __init__(self, subscriptions: Subscriptions, push: PushSender) -> None:
        self._subscriptions = subscriptions
        self._push = push

    async def send(self, call: Call[RelayedMessage], devices: Devices, now: int) -> None:
        """Send *call* to those of its recipient's *devices* that are meant; done if one of them has it.

        Those that are gone are deleted. Raise the `Refused` that says most if none has it.
        """
        meant, deadline = _select_devices(call.message, devices), self._push.deadline()
        try:
            await self._send_all(call, meant, now)
        except RecipientGone:
            rest = await self._others(call.message, devices, meant, now)
            if not rest:
                raise
            try:
                async with timeout_at(deadline):
                    await self._send_all(call, rest, now)
            except TimeoutError:
                raise PushTimedOut from None

    def _send_all(self, call: Call[RelayedMessage], devices: Devices, now: int) -> Awaitable[None]:
        """Send *call* to all of *devices*. Raise `RecipientGone` if each of them is gone."""
        message = self._push.message(call, len(devices))
        if len(devices) == 1:  # in most cases: no task is made for it
            return self._send(message, devices[0], now)
        return self._send_at_once(message, devices, now)

    async def _send_at_once(self, message: PushMessage, devices: Devices, now: int) -> None:
        """Send *message* to each of *devices*: to the first in the present task, for a task costs more."""
        others = [create_task(self._try(message, device, now)) for device in devices[1:]]
        try:
            ended = [await self._try(message, devices[0], now), *[await other for other in others]]
        finally:  # nothing is left to cancel of those that are done
            for other in others:
                other.cancel()
        refusals = [each for each in ended if each is not None]
        if len(refusals) == len(devices):
            raise pick_refusal(refusals)

    async def _try(self, message: PushMessage, device: StoredSubscription, now: int) -> Refused | None:
        """Send *message* to one of several; return the refusal."""
        try:
            await self._send(message, device, now)
        except Refused as refused:
            return refused
        return None

    async def _send(self, message: PushMessage, device: StoredSubscription, now: int) -> None:
        outcome = await self._push.send(message, device.target, device.vapid_key, now)
        if outcome.delivery is DeliveryStatus.ACCEPTED and outcome.key_id is None:  # in most cases
            return
        if outcome.delivery is DeliveryStatus.GONE or outcome.key_id is not None:
            with suppress(DatabaseUnavailable):  # the next call finds out again
                await self._store(message.recipient, device.target, outcome, now)
        require_accepted(outcome)

    async def _store(self, recipient: Address, target: PushTarget, outcome: Outcome, now: int) -> None:
        """Store what a push told of its subscription."""
        if outcome.delivery is DeliveryStatus.GONE:
            await self._subscriptions.delete_if_current(recipient, target, now)
        elif outcome.delivery is DeliveryStatus.ACCEPTED and outcome.key_id is not None:
            await self._subscriptions.set_vapid_key(recipient, target, outcome.key_id)

    async def _others(self, message: RelayedMessage, devices: Devices, gone: Devices, now: int) -> Devices:
        """Return the devices that a call may go to when all that were meant are *gone*."""
        if self._subscriptions.may_lag:  # a replica did not know what has come in their place
            with suppress(DatabaseUnavailable):
                devices = await self._subscriptions.get(message.recipient, now)
        tried = [each.target for each in gone]
        return [each for each in _exclude_sender(message, devices) if each.target not in tried]


def _exclude_sender(message: RelayedMessage, devices: Devices) -> Devices:
    """Return all of *devices* but the sender's own, when it calls the others of its person."""
    if message.from_device is None or message.sender != message.recipient:
        return devices
    return [each for each in devices if each.device != message.from_device]


def _select_devices(message: RelayedMessage, devices: Devices) -> Devices:
    """Return the one device that is meant, or all. Raise `UnknownRecipient` if there is none."""
    addressed = _exclude_sender(message, devices)
    if not addressed:
        raise UnknownRecipient
    if message.to_device is None:
        return addressed
    return [each for each in addressed if each.device == message.to_device] or addressed
