"""Fixtures of the hostile-input tests: servers, a push service and a registered recipient."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from sqlalchemy.engine import URL

from app.store.database import Database
from tests.databases import open_database
from tests.hostile.environment import Environment, ResourceUsage, Server, server
from tests.hostile.request_builder import CASES, CallContext, build
from tests.people import now_ms
from tests.push_service import PushService


@pytest.fixture(scope="module")
async def module_push_service() -> AsyncIterator[PushService]:
    """Run a push service for a whole module."""
    async with PushService.running() as running:
        yield running


@pytest.fixture(scope="module")
async def opened_once(migrated: URL) -> AsyncIterator[Database]:
    """Open the database: connecting takes longer than most of the tests here."""
    async with open_database(migrated) as database:
        yield database


@pytest.fixture
def database(opened_once: Database, empty_tables: Callable[[], None]) -> Database:
    """Return an empty database."""
    empty_tables()
    return opened_once


@pytest.fixture(scope="module")
def unlimited(migrated: URL, module_push_service: PushService) -> Iterator[Server]:
    """Run a server without rate limits, so that cases don't limit each other."""
    with server(migrated, module_push_service, WHISPER_RATE_LIMITS="off") as running:
        yield running


@pytest.fixture(scope="module")
async def baseline(unlimited: Server, module_push_service: PushService) -> ResourceUsage:
    """Use the server until its pools are full and its code is warm, and return its resource usage."""
    await unlimited.register("bob", module_push_service.subscribe())
    unknown, offer, malformed = CASES["unknown recipient"], CASES["offer base case"], CASES["empty object"]
    await asyncio.gather(
        *(unlimited.post(unknown, build(unknown, CallContext(now_ms() - n))) for n in range(30))
    )
    honest = [await unlimited.post(offer, build(offer, CallContext(now_ms()))) for _ in range(200)]
    for _ in range(30):
        await unlimited.post(malformed, build(malformed, CallContext(now_ms())))
    assert {reply.status for reply in honest} == {200}
    return await unlimited.measure_idle(max(reply.seconds for reply in honest))


@pytest.fixture
async def environment(unlimited: Server, module_push_service: PushService, database: Database) -> Environment:
    """Return an environment in which Bob alone is registered."""
    module_push_service.received.clear()
    module_push_service.script([])
    bob = module_push_service.subscribe()
    assert (await unlimited.register("bob", bob)).status == 200
    return Environment(unlimited, module_push_service, database, bob)


@pytest.fixture
def another(migrated: URL, module_push_service: PushService) -> Iterator[Server]:
    """Run another instance, on the same database."""
    with server(migrated, module_push_service, WHISPER_RATE_LIMITS="off") as running:
        yield running


@pytest.fixture(scope="module")
def rate_limited(migrated: URL, module_push_service: PushService) -> Iterator[Server]:
    """Run another instance, with the limits that a server has by default."""
    with server(migrated, module_push_service) as running:
        yield running
