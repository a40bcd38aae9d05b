"""A door per method, the same door for all, and what a client and an operator ask."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException

from app.api.answers import Accepted, Config, Limits
from app.api.documentation import CLIENTS, OPERATORS, door, refusals
from app.api.signed import carried
from app.api.state import AppStateDep
from app.protocol.messages import Answer, Close, Dial, Ice, Message, Offer, Update
from app.protocol.numbers import MAX_BODY_BYTES, MAX_PLAINTEXT_BYTES, SUBSCRIPTION_LIFE_MS
from app.store.errors import DatabaseUnavailable, OutdatedSchema

doors = APIRouter()
router = APIRouter()


@doors.post("/update", **door(Update))
async def update(request: Request) -> Response:
    """Register your push subscription, renew it, or ask to be forgotten."""
    return await carried(request, Update)


@doors.post("/dial", **door(Dial))
async def dial(request: Request) -> Response:
    """Ring somebody: they answer with an offer."""
    return await carried(request, Dial)


@doors.post("/offer", **door(Offer))
async def offer(request: Request) -> Response:
    """Forward an offer to whoever dialled."""
    return await carried(request, Offer)


@doors.post("/answer", **door(Answer))
async def answer(request: Request) -> Response:
    """Forward an answer to whoever made the offer."""
    return await carried(request, Answer)


@doors.post("/ice", **door(Ice))
async def ice(request: Request) -> Response:
    """Forward ICE candidates that came too late for the SDP."""
    return await carried(request, Ice)


@doors.post("/close", **door(Close))
async def close(request: Request) -> Response:
    """Tell the other that the connection is over."""
    return await carried(request, Close)


@doors.post("/api/v1/call", **door(Message))
async def call(request: Request) -> Response:
    """Take any call: the same as the path of its method."""
    return await carried(request, Message)


@router.get("/config", tags=[CLIENTS], response_model_exclude_none=True)
async def config(state: AppStateDep) -> Config:
    """Tell a client what it needs to start."""
    now = state.clock()
    limits = Limits(
        clock_window_ms=state.clock_window_ms,
        body_bytes=MAX_BODY_BYTES,
        push_plaintext_bytes=MAX_PLAINTEXT_BYTES,
        subscription_life_ms=SUBSCRIPTION_LIFE_MS,
    )
    return Config(
        timestamp=now,
        vapid_public_key=state.vapid_public_key,
        ice_servers=state.ice_servers.at(now),
        limits=limits,
    )


@router.get("/livez", tags=[OPERATORS])
async def livez(state: AppStateDep) -> Accepted:
    """Say that the process runs."""
    return Accepted(timestamp=state.clock())


@router.get("/readyz", tags=[OPERATORS], responses=refusals(DatabaseUnavailable, OutdatedSchema))
async def readyz(state: AppStateDep) -> Accepted:
    """Say that calls can be served: the database answers, with the schema of this version."""
    await state.ready()
    return Accepted(timestamp=state.clock())


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request, state: AppStateDep) -> Response:
    """Tell Prometheus what it may know; to everybody else there is nothing here."""
    if not state.metrics_access.allows(request):
        raise HTTPException(404)
    return Response(state.observer.metrics.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
