"""The dependency that yields only verified calls, cheap checks first."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

from app.api.dependencies import parts
from app.api.limits import read_body, visitor
from app.protocol.envelope import Call, read_call
from app.protocol.errors import BadSignature
from app.protocol.messages import Message

M = TypeVar("M", bound=Message)


def signed(kind: type[M]) -> Callable[[Request], Awaitable[Call[M]]]:
    """Return the dependency for calls of *kind*; for `Message` itself, of any kind."""

    async def verified(request: Request) -> Call[M]:
        state, who = parts(request), visitor(request)
        body = await read_body(request)
        state.room.require()
        now = state.clock()
        claim = read_call(body, kind, now=now, window=state.clock_window_ms)
        if state.relay.knows(claim, now):
            return claim.believe()  # an honest retry counts for nothing
        state.rate_limits.check(claim.message, who, now)
        try:
            call = claim.verify()
        except BadSignature:
            state.rate_limits.count_refused(who, now)
            raise
        state.rate_limits.count(call.message, now)
        return call

    return verified
