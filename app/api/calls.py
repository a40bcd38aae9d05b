"""Call dispatcher: a signed call in, the relay's answer out. FastAPI has no part in it.

A call's body is parsed strictly and its answer is one of two forms: routing, dependencies and response models
would only cost time.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.answers import acceptance
from app.api.body import read_body
from app.api.errors import MethodNotAllowed
from app.api.state import AppState, app_state
from app.limits.rate_limits import client_key
from app.protocol.envelope import Call, read_call
from app.protocol.errors import BadSignature
from app.protocol.messages import Answer, Close, Dial, Ice, Message, Offer, Update
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
    """A path, and the type of the calls that it takes."""

    path: str
    kind: type[Message]
    method: str  # of the calls, until one is read


_ROUTES = {path: CallRoute(path, kind, getattr(kind, "method", UNKNOWN)) for path, kind in CALLS.items()}


class Calls:
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
    client = client_key(client_host(scope))
    body = await read_body(scope, receive)
    state.in_flight_limit.require()
    call = await authenticate(body, route.kind, client, state)
    with state.in_flight_limit:
        await state.relay.handle(
            call, state.clock(), lambda: state.rate_limits.charge_new_address(client, state.monotonic_ms())
        )
    await acceptance(state.clock())(scope, receive, send)


def client_host(scope: Scope) -> str:
    """Return the client's IP address, as a trusted proxy tells it; empty for a socket without addresses."""
    host, _ = scope["client"] or ("", 0)
    return str(host)


async def authenticate(body: bytes, kind: type[Message], client: bytes, state: AppState) -> Call[Message]:
    """Return the verified call in *body*, the cheap checks first.

    Raise the `Refused` that says what is wrong, or which limit the call or its *client* is over.
    """
    now, monotonic_ms = state.clock(), state.monotonic_ms()
    unverified = read_call(body, kind, now=now, window=state.clock_window_ms)
    note_method(unverified.message.method)
    if retried := state.relay.recall(unverified, now):
        return retried  # an honest retry counts for nothing
    costs = state.rate_limits.check(unverified.message, client, monotonic_ms)
    try:
        call = unverified.verify()
    except BadSignature:
        await state.rate_limits.charge_refused_signature(client, monotonic_ms)
        raise
    await state.rate_limits.count(costs, client, monotonic_ms)
    return call
