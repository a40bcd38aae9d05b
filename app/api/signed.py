"""From a request to a verified call, cheap checks first; and from there to the answer."""

from typing import TypeVar

from fastapi import Request
from fastapi.responses import Response

from app.api.answers import Done
from app.api.dependencies import parts
from app.api.limits import read_body, visitor
from app.api.observe import UNKNOWN, note_method
from app.protocol.envelope import Call, read_call
from app.protocol.errors import BadSignature
from app.protocol.messages import Message

M = TypeVar("M", bound=Message)


async def carried(request: Request, kind: type[Message]) -> Response:
    """Do what the call in *request* asks for, and say so; *kind* is what its path is for, `Message` for any.

    Raise the `Refused` that says why it was not done.
    """
    state = parts(request)
    call = await verified(request, kind)
    with state.room:
        await state.relay.carry(
            call, state.clock(), lambda: state.rate_limits.welcome(visitor(request), state.ticks())
        )
    return Done(state.clock())


async def verified(request: Request, kind: type[M]) -> Call[M]:
    """Return the call in *request*, which its sender really made. Raise `Refused` with what is wrong."""
    note_method(getattr(kind, "method", UNKNOWN))
    state, who = parts(request), visitor(request)
    body = await read_body(request)
    state.room.require()
    now, ticks = state.clock(), state.ticks()
    claim = read_call(body, kind, now=now, window=state.clock_window_ms)
    note_method(claim.message.method)
    if state.relay.knows(claim, now):
        return claim.believe()  # an honest retry counts for nothing
    charges = state.rate_limits.check(claim.message, who, ticks)
    try:
        call = claim.verify()
    except BadSignature:
        await state.rate_limits.count_refused(who, ticks)
        raise
    await state.rate_limits.count(charges, who, ticks)
    return call
