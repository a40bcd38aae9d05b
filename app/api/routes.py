"""A door per method, the same door for all, and what a client and an operator ask."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException

from app.api.answers import Accepted, Config, Limits
from app.api.dependencies import PartsDep, Relayed
from app.api.documentation import CLIENTS, OPERATORS, door, refusals
from app.api.signed import signed
from app.protocol.envelope import Call
from app.protocol.errors import DatabaseUnavailable, OutdatedSchema
from app.protocol.limits import MAX_BODY_BYTES, MAX_PLAINTEXT_BYTES, SUBSCRIPTION_LIFE_MS
from app.protocol.messages import Answer, Close, Dial, Ice, Message, Offer, Update

router = APIRouter()


@router.post("/update", **door(Update))
async def update(call: Annotated[Call[Update], Depends(signed(Update))], carry: Relayed) -> Accepted:
    """Register your push subscription, renew it, or ask to be forgotten."""
    return await carry(call)


@router.post("/dial", **door(Dial))
async def dial(call: Annotated[Call[Dial], Depends(signed(Dial))], carry: Relayed) -> Accepted:
    """Ring somebody: they answer with an offer."""
    return await carry(call)


@router.post("/offer", **door(Offer))
async def offer(call: Annotated[Call[Offer], Depends(signed(Offer))], carry: Relayed) -> Accepted:
    """Forward an offer to whoever dialled."""
    return await carry(call)


@router.post("/answer", **door(Answer))
async def answer(call: Annotated[Call[Answer], Depends(signed(Answer))], carry: Relayed) -> Accepted:
    """Forward an answer to whoever made the offer."""
    return await carry(call)


@router.post("/ice", **door(Ice))
async def ice(call: Annotated[Call[Ice], Depends(signed(Ice))], carry: Relayed) -> Accepted:
    """Forward ICE candidates that came too late for the SDP."""
    return await carry(call)


@router.post("/close", **door(Close))
async def close(call: Annotated[Call[Close], Depends(signed(Close))], carry: Relayed) -> Accepted:
    """Tell the other that the connection is over."""
    return await carry(call)


@router.post("/api/v1/call", **door(Message))
async def call(call: Annotated[Call[Message], Depends(signed(Message))], carry: Relayed) -> Accepted:
    """Take any call: the same as the path of its method."""
    return await carry(call)


@router.get("/config", tags=[CLIENTS], response_model_exclude_none=True)
async def config(state: PartsDep) -> Config:
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
async def livez(state: PartsDep) -> Accepted:
    """Say that the process runs."""
    return Accepted(timestamp=state.clock())


@router.get("/readyz", tags=[OPERATORS], responses=refusals(DatabaseUnavailable, OutdatedSchema))
async def readyz(state: PartsDep) -> Accepted:
    """Say that calls can be served: the database answers, with the schema of this version."""
    await state.ready()
    return Accepted(timestamp=state.clock())


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request, state: PartsDep) -> Response:
    """Tell Prometheus what it may know; to everybody else there is nothing here."""
    if not state.insiders.include(request):
        raise HTTPException(404)
    return Response(state.observer.metrics.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
