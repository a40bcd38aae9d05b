"""ASGI dispatcher of signed calls to the relay, without FastAPI.

A call's body is parsed strictly and its answer is one of two forms: routing, dependencies and response models
would only cost time.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.body import read_body
from app.api.errors import MethodNotAllowed
from app.api.responses import acceptance
from app.api.state import AppState, app_state
from app.limits.concurrency import Holder
from app.limits.rate_limits import Charges, client_key
from app.protocol.envelope import Call, UnverifiedCall, read_call
from app.protocol.errors import BadSignature
from app.protocol.messages import Answer, Close, Dial, Ice, Message, Offer, Update, is_relayed
from app.registration import Registration
from app.telemetry.request_log import UNKNOWN, note_method

# `Message` is any of them.
CALLS: Mapping[str, type[Message]] = {
    "/update": Update,
    "/dial": Dial,
    "/offer": Offer,
    "/answer": Answer,
    "/ice": Ice,
    "/close": Close,
    "/api/v1/call": Message,
}


@dataclass(frozen=True, slots=True)
class CallRoute:
    """Route of calls: a path, and the message type that it takes."""

    path: str
    kind: type[Message]
    method: str  # of the calls, until one is read


_ROUTES = {path: CallRoute(path, kind, getattr(kind, "method", UNKNOWN)) for path, kind in CALLS.items()}


class CallDispatcher:
    """ASGI application that serves calls, and hands requests for any other path to *others*."""

    def __init__(self, others: ASGIApp) -> None:
        self._others = others

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        route = _ROUTES.get(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            return self._others(scope, receive, send)
        scope["route"] = route  # as Starlette's router sets it: the request log tells its path
        return _serve(route, scope, receive, send)


async def _serve(route: CallRoute, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] != "POST":
        raise MethodNotAllowed("POST")
    note_method(route.method)
    state = app_state(scope["state"])
    state.in_flight_limit.check()  # before anything is done for it: a refusal must cost less than a service
    client = client_key(client_host(scope))
    body = await read_body(scope, receive)
    now = state.clock()
    unverified = read_call(body, route.kind, now=now, window=state.clock_window_ms)
    if route.method == UNKNOWN:
        note_method(unverified.message.method)
    registration = None
    if state.relay.is_repeat(unverified, now):  # an honest retry: no charge, and no place in flight
        await state.relay.repeat(unverified.digest)
    else:
        try:
            registration = await _carry_out(unverified, client, now, state)
        except BadSignature:
            await state.rate_limits.charge_refused_signature(client, state.monotonic_ms())
            raise
    sender, now = unverified.message.sender, state.clock()
    ice_servers = state.ice_servers.at(now, sender) if registration and state.ice_servers.has_turn else None
    await acceptance(now, registration, ice_servers)(scope, receive, send)


def client_host(scope: Scope) -> str:
    """Return the client's IP address, as a trusted proxy tells it; empty for a socket without addresses."""
    host, _ = scope["client"] or ("", 0)
    return str(host)


async def _carry_out(
    unverified: UnverifiedCall[Message], client: bytes, now: int, state: AppState
) -> Registration | None:
    """Authenticate a call and relay it, in a place in flight.

    Nothing else runs until it is verified: no other call is refused for a place that a forged one has.
    """
    holders = _holders(unverified.message, client)
    state.in_flight_limit.acquire(holders)
    try:
        call, charges = authenticate(unverified, client, state)
        return await state.relay.handle(call, now, charges)
    finally:
        state.in_flight_limit.release(holders)


def authenticate(
    unverified: UnverifiedCall[Message], client: bytes, state: AppState
) -> tuple[Call[Message], Charges]:
    """Return the verified call and what it will be charged for, most limits checked before the signature.

    Raise `BadSignature`, or `TooManyCalls` if the call or its *client* is over a limit.
    """
    now = state.monotonic_ms()
    costs = state.rate_limits.check(unverified.message, client, now)
    call = unverified.verify()
    state.rate_limits.check_sender(costs, now)
    return call, Charges(state.rate_limits, costs, client, now)


def _holders(message: Message, client: bytes) -> list[Holder]:
    """Return those for whom a call's place in flight counts."""
    holders = [("client", client), ("sender", message.sender.raw)]
    if is_relayed(message):
        holders.append(("recipient", message.recipient.raw))
    return holders
