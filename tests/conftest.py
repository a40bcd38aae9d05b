"""Fixtures shared by all tests: users, a Postgres, a push service, an application, the two as processes."""

import asyncio
import gc
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from asgi_lifespan import LifespanManager
from sqlalchemy.engine import URL

from app.clocks import monotonic_clock
from app.embedded_postgres.lifecycle import run_embedded_postgres
from app.main import create_app
from app.push.deadlines import PRODUCTION, Deadlines
from app.push.vapid import VapidKey
from app.settings import Settings
from app.store import schema
from app.store.database import Database
from app.store.subscriptions import Subscriptions
from app.store.url import parse_url
from tests.browser.drivers.pool import stop_idle
from tests.databases import emptying, open_database
from tests.deployment import Deployment, PushServiceProcess, deployed, pushing
from tests.metrics import LISTEN
from tests.people import Person, now_ms
from tests.processes import Program
from tests.push_service import PushService


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let the garbage collector skip what stays, modules and tests: to look through them takes a tenth."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    """Leave no browser behind."""
    stop_idle()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture
def alice() -> Person:
    """Return somebody who calls."""
    return Person()


@pytest.fixture
def bob() -> Person:
    """Return somebody who is called."""
    return Person()


@pytest.fixture
def mallory() -> Person:
    """Return somebody who means no good."""
    return Person()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Run a real Postgres for all tests, and yield its URL."""
    with tempfile.TemporaryDirectory(prefix="pg") as directory, run_embedded_postgres(Path(directory)) as url:
        for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
            asyncio.run(_execute(url, statement))  # no test turns the machine off
        yield url


@pytest.fixture(scope="session")
def migrated(postgres: str) -> URL:
    """Return the URL of a database with the newest schema."""
    url = parse_url(postgres)
    schema.migrate(url)
    return url


@pytest.fixture
def empty(postgres: str) -> Iterator[URL]:
    """Yield the URL of a database without a table."""
    asyncio.run(_execute(postgres, "CREATE DATABASE empty TEMPLATE template0"))
    yield parse_url(postgres).set(database="empty")
    asyncio.run(_execute(postgres, "DROP DATABASE empty WITH (FORCE)"))


async def _execute(url: str, statement: str) -> None:
    """Execute it, as long as it takes: on a busy machine that is longer than the server would wait."""
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture(scope="session")
def empty_tables(migrated: URL) -> Iterator[Callable[[], None]]:
    """Yield what empties the database."""
    with emptying(migrated) as empty_tables:
        yield empty_tables


@pytest.fixture
def emptied(migrated: URL, empty_tables: Callable[[], None]) -> URL:
    """Return the URL of a database with the newest schema, and no row."""
    empty_tables()
    return migrated


@pytest.fixture
async def database(emptied: URL) -> AsyncIterator[Database]:
    """Yield an empty database."""
    async with open_database(emptied) as opened:
        yield opened


@pytest.fixture
def subscriptions(database: Database) -> Subscriptions:
    """Return the subscriptions of the empty database."""
    return Subscriptions(database)


@pytest.fixture
async def push_service() -> AsyncIterator[PushService]:
    """Run a push service."""
    async with PushService.running() as running:
        yield running


@pytest.fixture
def settings(emptied: URL, push_service: PushService) -> Settings:
    """Return settings that trust the push service here, on the empty database."""
    return Settings(
        _env_file=None,
        database_url=emptied.render_as_string(hide_password=False),
        vapid_private_key=VapidKey.generate().private_text,
        vapid_subject="mailto:operator@example.org",
        push_endpoints=("browsers", push_service.origin),
        metrics_listen=LISTEN,
        web_app=False,  # to look for its files takes longer than most tests do
    )


class Clock:
    """Real time, and some ms that a test adds."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        """Return the time, ms since the Unix epoch."""
        return now_ms() + self.ahead


@pytest.fixture
def clock() -> Clock:
    """Return the server's clock, which a test may put forward."""
    return Clock()


@asynccontextmanager
async def serving(
    settings: Settings,
    clock: Clock | None = None,
    monotonic_ms: Callable[[], int] = monotonic_clock,
    deadlines: Deadlines = PRODUCTION,
) -> AsyncIterator[httpx.AsyncClient]:
    """Run the application, and yield a client of it."""
    app = create_app(settings, clock or Clock(), monotonic_ms=monotonic_ms, deadlines=deadlines)
    async with (
        LifespanManager(app) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as opened,
    ):
        yield opened


@pytest.fixture
async def client(settings: Settings, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application, and yield a client of it."""
    async with serving(settings, clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def push_process() -> Iterator[PushServiceProcess]:
    """Run a push service as a process for all tests."""
    with pushing() as running:
        yield running


@pytest.fixture(scope="session")
def server_process(push_process: PushServiceProcess) -> Iterator[tuple[Program, Deployment]]:
    """Run a server as a process for all tests, and return it with how it was started."""
    with deployed(push_process) as running:
        yield running


@pytest.fixture(scope="session")
def deployment(server_process: tuple[Program, Deployment]) -> Deployment:
    """Return how the server of all tests was started."""
    return server_process[1]
