"""Carry one verified call to its recipient; register and forget people."""

from asyncio import Event

from app.protocol.envelope import Call
from app.protocol.errors import (
    EndpointNotAllowed,
    MessageTooLarge,
    PushBusy,
    PushRefused,
    PushTimedOut,
    PushUnreachable,
    RecipientGone,
    Refused,
    UnknownRecipient,
)
from app.protocol.messages import Directed, Message, Update
from app.protocol.replay import ReplayMemory
from app.push.deliver import DEFAULT_RETRY_AFTER_S, Fate, Outcome
from app.push.service import PushService
from app.store.subscriptions import Subscriptions

_REFUSALS: dict[Fate, type[Refused]] = {
    Fate.GONE: RecipientGone,
    Fate.TOO_LARGE: MessageTooLarge,
    Fate.REFUSED: PushRefused,
    Fate.FORBIDDEN: EndpointNotAllowed,
    Fate.UNREACHABLE: PushUnreachable,
    Fate.TIMED_OUT: PushTimedOut,
}


class Relay:
    """What the server does with a call. All times in ms; *window* is the clock window."""

    def __init__(self, subscriptions: Subscriptions, push: PushService, window: int) -> None:
        self._subscriptions = subscriptions
        self._push = push
        self._window = window
        self._relayed: ReplayMemory[Event] = ReplayMemory()

    async def carry(self, call: Call[Message], now: int) -> None:
        """Do what *call* asks for. Raise the `Refused` that says why it was not done."""
        match call.message:
            case Update() as update:
                await self._update(update, now)
            case Directed() as message:
                await self._forward_once(Call(message, call.text, call.signature), now)

    async def _update(self, update: Update, now: int) -> None:
        if update.subscription is not None:
            self._push.check(update.subscription.endpoint)
            await self._subscriptions.remember(update.sender, update.subscription, update.sent_at, now)
        elif update.forgets and update.sent_at is not None:
            await self._subscriptions.forget(update.sender, update.sent_at)

    async def _forward_once(self, call: Call[Directed], now: int) -> None:
        """Forward *call*, unless it was forwarded already; the same call in flight is waited for."""
        method = call.message.method
        while earlier := self._relayed.find(call.text, method, now):
            if earlier.is_set():
                return
            await earlier.wait()
        ended = Event()
        stale_at = call.message.sent_at + self._window
        self._relayed.add(call.text, method, ended, stale_at=stale_at, now=now)
        try:
            await self._forward(call, now)
        except BaseException:
            self._relayed.remove(call.text)
            raise
        finally:
            ended.set()

    async def _forward(self, call: Call[Directed], now: int) -> None:
        recipient = call.message.recipient
        subscription = await self._subscriptions.of(recipient, now)
        if subscription is None:
            raise UnknownRecipient
        outcome = await self._push.send(call, subscription, now)
        if outcome.fate is Fate.GONE:
            await self._subscriptions.drop(recipient, subscription)
        _require_accepted(outcome)


def _require_accepted(outcome: Outcome) -> None:
    """Raise the refusal that tells the caller the truth about *outcome*."""
    match outcome:
        case Outcome(fate=Fate.ACCEPTED):
            return
        case Outcome(fate=Fate.BUSY, retry_after=seconds):
            raise PushBusy(retry_after=DEFAULT_RETRY_AFTER_S if seconds is None else seconds)
        case Outcome(fate=Fate.REFUSED, status=int(status)):
            raise PushRefused(f"The recipient's push service refused the message with status {status}.")
        case Outcome(fate=fate):
            raise _REFUSALS[fate]
