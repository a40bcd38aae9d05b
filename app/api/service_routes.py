"""FastAPI endpoints beside the calls: client configuration and health."""

from fastapi import APIRouter, Depends

from app.api.config import Config
from app.api.openapi import CLIENTS, OPERATORS, refusals
from app.api.responses import Accepted
from app.api.state import AppStateDep
from app.store.errors import DatabaseUnavailable, OutdatedSchema

router = APIRouter()


async def _require_ready(state: AppStateDep) -> None:
    await state.check_ready()


@router.get("/config", tags=[CLIENTS], response_model_exclude_none=True)
async def config(state: AppStateDep) -> Config:
    """Tell a client what it needs to start."""
    return state.client_config.at(state.clock())


@router.get("/livez", tags=[OPERATORS], response_model_exclude_none=True)
async def livez(state: AppStateDep) -> Accepted:
    """Say that the process runs."""
    return Accepted(timestamp=state.clock())


@router.get(
    "/readyz",
    response_model_exclude_none=True,
    tags=[OPERATORS],
    responses=refusals(DatabaseUnavailable, OutdatedSchema),
    dependencies=[Depends(_require_ready)],
)
async def readyz(state: AppStateDep) -> Accepted:
    """Say that calls can be served: the database answers, with the schema of this version."""
    return Accepted(timestamp=state.clock())
