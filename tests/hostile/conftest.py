"""A server that many requests are sent to, and what is around it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.engine import URL

from app.store.database import Database
from tests.hostile.builder import CASES, Scene, build
from tests.hostile.stage import Rest, Server, Stage, server
from tests.people import now_ms
from tests.push_service import PushService


@pytest.fixture(scope="module")
async def post_office() -> AsyncIterator[PushService]:
    """Run a push service for a whole module."""
    async with PushService.running() as running:
        yield running


@pytest.fixture(scope="module")
def patient(migrated: URL, post_office: PushService) -> Iterator[Server]:
    """Run a server without rate limits, so that cases don't limit each other."""
    with server(migrated, post_office, WHISPER_RATE_LIMITS="off") as running:
        yield running


@pytest.fixture(scope="module")
async def rest(patient: Server, post_office: PushService) -> Rest:
    """Use the server until its pools are full and its code is warm, and return what it then holds."""
    await patient.register("bob", post_office.subscribe())
    unknown, offer, malformed = CASES["unknown recipient"], CASES["offer base case"], CASES["empty object"]
    await asyncio.gather(*(patient.post(unknown, build(unknown, Scene(now_ms() - n))) for n in range(30)))
    honest = [await patient.post(offer, build(offer, Scene(now_ms()))) for _ in range(200)]
    for _ in range(30):
        await patient.post(malformed, build(malformed, Scene(now_ms())))
    assert {reply.status for reply in honest} == {200}
    return await patient.rest(max(reply.seconds for reply in honest))


@pytest.fixture
async def stage(patient: Server, post_office: PushService, database: Database) -> Stage:
    """Return a stage with Bob on it, and nobody else."""
    post_office.received.clear()
    post_office.script([])
    bob = post_office.subscribe()
    assert (await patient.register("bob", bob)).status == 200
    return Stage(patient, post_office, database, bob)


@pytest.fixture
def another(migrated: URL, post_office: PushService) -> Iterator[Server]:
    """Run another instance, on the same database."""
    with server(migrated, post_office, WHISPER_RATE_LIMITS="off") as running:
        yield running


@pytest.fixture(scope="module")
def strict(migrated: URL, post_office: PushService) -> Iterator[Server]:
    """Run another instance, with the limits that a server has by default."""
    with server(migrated, post_office) as running:
        yield running
