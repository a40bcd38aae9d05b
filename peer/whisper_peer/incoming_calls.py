"""Incoming calls that ring until each is accepted, declined, missed or answered elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from enum import StrEnum
from functools import partial
from typing import Any

from whisper_peer.background_tasks import BackgroundTasks
from whisper_peer.channels.channel import Channel
from whisper_peer.errors import AnsweredElsewhere, ConnectionFailed
from whisper_peer.protocol.bounded_set import BoundedSet
from whisper_peer.protocol.keys import Address
from whisper_peer.protocol.messages import Close, Dial

RING_S = 60  # as long as a dial is believed

# Dials that were answered elsewhere before they came here: their pushes are a minute late at most.
MAX_REMEMBERED = 1024

Accept = Callable[[], Awaitable[Channel]]
Decline = Callable[[], Awaitable[None]]

# Told of each call that rings: it may accept, decline, or wait for its end.
OnCall = Callable[["IncomingCall"], Coroutine[Any, Any, None]]


class CallEnd(StrEnum):
    """Reason for which a call rings no more."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    MISSED = "missed"
    HUNG_UP = "hung_up"
    ANSWERED_ELSEWHERE = "answered_elsewhere"  # by another device of ours: not a missed call
    REPLACED = "replaced"  # they dialled anew
    CLOSED = "closed"  # by the end of this program


class IncomingCall:
    """Dial that rings. `ended` is a future of its `CallEnd`."""

    def __init__(self, dial: Dial, accept: Accept, decline: Decline) -> None:
        self.address = dial.sender
        self.device = dial.from_device  # theirs, if they have several
        self.dial = dial
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[CallEnd] = loop.create_future()
        self._accept = accept
        self._decline = decline
        self._timer = loop.call_later(RING_S, self.end, CallEnd.MISSED)

    async def accept(self) -> Channel:
        """Answer it here, and return the open channel; other devices fall silent.

        Raise `AnsweredElsewhere` if one of them was faster, `ConnectionFailed` if it rings no more.
        """
        if not self.ended.done():
            self.end(CallEnd.ACCEPTED)
            return await self._accept()
        if self.ended.result() is CallEnd.ANSWERED_ELSEWHERE:
            raise AnsweredElsewhere("another device of ours has answered")
        raise ConnectionFailed(f"the call rings no more: {self.ended.result()}")

    async def decline(self) -> None:
        """Tell the caller that nobody will answer; other devices fall silent."""
        if not self.ended.done():
            self.end(CallEnd.DECLINED)
            await self._decline()

    def end(self, how: CallEnd) -> None:
        """Ring no more."""
        self._timer.cancel()
        if not self.ended.done():
            self.ended.set_result(how)


class IncomingCalls:
    """Incoming calls of *me*: those that ring, and those that other devices of ours have dealt with.

    *accept* and *decline* are told the dial, and how many devices it rings on.
    """

    def __init__(
        self,
        me: Address,
        accept: Callable[[Dial, int], Awaitable[Channel]],
        decline: Callable[[Dial, int], Awaitable[None]],
    ) -> None:
        self._me = me
        self._accept = accept
        self._decline = decline
        self.on_call: OnCall | None = None
        self._ringing: dict[Address, IncomingCall] = {}
        self._handlers = BackgroundTasks("incoming calls")
        self._elsewhere: BoundedSet[bytes] = BoundedSet(MAX_REMEMBERED)

    def is_answered_elsewhere(self, dial: Dial) -> bool:
        """Tell whether another device of ours has dealt with *dial* before it came here."""
        return dial.encryption_key in self._elsewhere

    def ring(self, dial: Dial, devices: int) -> None:
        """Let `on_call` decide, in place of an earlier call of the same address."""
        if self.on_call is None:
            return
        if earlier := self._ringing.get(dial.sender):
            earlier.end(CallEnd.REPLACED)
        call = IncomingCall(dial, partial(self._accept, dial, devices), partial(self._decline, dial, devices))
        self._ringing[call.address] = call
        call.ended.add_done_callback(lambda _: self._forget(call))
        self._handlers.start(self.on_call(call))

    def on_close(self, close: Close) -> None:
        """End what *close* is about: a caller's own call, or one that a device of ours has dealt with."""
        if close.sender == self._me and close.dial_key is not None:
            self._elsewhere.add(close.dial_key)
        for call in list(self._ringing.values()):
            is_theirs = close.sender == call.address
            if close.dial_key is None:
                if is_theirs and close.sent_at >= call.dial.sent_at and close.may_be_from(call.device):
                    call.end(CallEnd.HUNG_UP)
            elif close.dial_key == call.dial.encryption_key and (is_theirs or close.sender == self._me):
                call.end(CallEnd.ANSWERED_ELSEWHERE)

    async def close(self) -> list[Exception]:
        """End all, and return the mistakes that were made."""
        for call in list(self._ringing.values()):
            call.end(CallEnd.CLOSED)
        return await self._handlers.cancel()

    def _forget(self, call: IncomingCall) -> None:
        if self._ringing.get(call.address) is call:
            del self._ringing[call.address]
