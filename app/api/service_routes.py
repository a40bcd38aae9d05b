"""FastAPI endpoints beside the calls: client configuration, health and metrics."""

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from app.api.config import Config
from app.api.documentation import CLIENTS, OPERATORS, refusals
from app.api.errors import NotFound
from app.api.responses import Accepted
from app.api.state import AppStateDep
from app.store.errors import DatabaseUnavailable, OutdatedSchema

router = APIRouter()


async def _require_ready(state: AppStateDep) -> None:
    await state.check_ready()


async def _require_metrics_access(request: Request, state: AppStateDep) -> None:
    if not state.metrics_access.allows(request):
        raise NotFound


@router.get("/config", tags=[CLIENTS], response_model_exclude_none=True)
async def config(state: AppStateDep) -> Config:
    """Tell a client what it needs to start."""
    return state.client_config.at(state.clock())


@router.get("/livez", tags=[OPERATORS])
async def livez(state: AppStateDep) -> Accepted:
    """Say that the process runs."""
    return Accepted(timestamp=state.clock())


@router.get(
    "/readyz",
    tags=[OPERATORS],
    responses=refusals(DatabaseUnavailable, OutdatedSchema),
    dependencies=[Depends(_require_ready)],
)
async def readyz(state: AppStateDep) -> Accepted:
    """Say that calls can be served: the database answers, with the schema of this version."""
    return Accepted(timestamp=state.clock())


@router.get("/metrics", include_in_schema=False, dependencies=[Depends(_require_metrics_access)])
async def metrics(state: AppStateDep) -> Response:
    """Return the metrics in Prometheus' text format; for other clients there is nothing here."""
    return Response(state.observer.metrics.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
