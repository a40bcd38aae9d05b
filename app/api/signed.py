"""The dependency that yields only verified calls, cheap checks first."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

from app.api.dependencies import parts
from app.api.limits import read_body, visitor
from app.api.observe import UNKNOWN, note_method
from app.protocol.envelope import Call, read_call
from app.protocol.errors import BadSignature
from app.protocol.messages import Message

M = TypeVar("M", bound=Message)


def signed(kind: type[M]) -> Callable[[Request], Awaitable[Call[M]]]:
    """Return the dependency for calls of *kind*; for `Message` itself, of any kind."""
    method = getattr(kind, "method", UNKNOWN)

    async def verified(request: Request) -> Call[M]:
        note_method(method)
        state, who = parts(request), visitor(request)
        body = await read_body(request)
        state.room.require()
        now, ticks = state.clock(), state.ticks()
        claim = read_call(body, kind, now=now, window=state.clock_window_ms)
        note_method(claim.message.method)
        if state.relay.knows(claim, now):
            return claim.believe()  # an honest retry counts for nothing
        state.rate_limits.check(claim.message, who, ticks)
        try:
            call = claim.verify()
        except BadSignature:
            await state.rate_limits.count_refused(who, ticks)
            raise
        await state.rate_limits.count(call.message, who, ticks)
        return call

    return verified
