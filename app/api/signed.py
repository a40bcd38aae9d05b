"""From a request to a verified call, cheap checks first; and from there to the answer."""

from fastapi import Request
from fastapi.responses import Response

from app.api.answers import OkResponse
from app.api.body import read_body
from app.api.state import app_state
from app.limits.rate_limits import client_key
from app.protocol.envelope import Call, read_call
from app.protocol.errors import BadSignature
from app.protocol.messages import Message
from app.telemetry.request_log import UNKNOWN, note_method


def client_host(request: Request) -> str:
    """Return the client's IP address, as a trusted proxy tells it; empty for a socket without addresses."""
    host, _ = request.scope["client"] or ("", 0)
    return str(host)


async def carried(request: Request, kind: type[Message]) -> Response:
    """Do what the call in *request* asks for, and say so; *kind* is what its path is for, `Message` for any.

    Raise the `Refused` that says why it was not done.
    """
    state = app_state(request)
    call = await verified(request, kind)
    with state.in_flight_limit:
        await state.relay.handle(
            call,
            state.clock(),
            lambda: state.rate_limits.charge_new_address(
                client_key(client_host(request)), state.monotonic_ms()
            ),
        )
    return OkResponse(state.clock())


async def verified(request: Request, kind: type[Message]) -> Call[Message]:
    """Return the call in *request*, which its sender really made. Raise `Refused` with what is wrong."""
    note_method(getattr(kind, "method", UNKNOWN))
    state, who = app_state(request), client_key(client_host(request))
    body = await read_body(request)
    state.in_flight_limit.require()
    now, monotonic_ms = state.clock(), state.monotonic_ms()
    unverified = read_call(body, kind, now=now, window=state.clock_window_ms)
    note_method(unverified.message.method)
    if retried := state.relay.recall(unverified, now):
        return retried  # an honest retry counts for nothing
    charges = state.rate_limits.check(unverified.message, who, monotonic_ms)
    try:
        call = unverified.verify()
    except BadSignature:
        await state.rate_limits.charge_refused_signature(who, monotonic_ms)
        raise
    await state.rate_limits.count(charges, who, monotonic_ms)
    return call
