"""PgBouncer in transaction mode: each statement may meet another session of Postgres."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.harness.cluster import Cluster
from tests.faults.harness.delivery_checks import lost_updates, undelivered_calls
from tests.faults.harness.fault_proxy import fault_proxy
from tests.faults.harness.load_generator import Caller, open_caller, register_users, run_load
from tests.faults.harness.scenario import OK, UNAVAILABLE
from tests.faults.harness.server_process import RunningServer, run_server
from tests.forked_workers import FORKED_WORKERS
from tests.processes import Program, whisper
from tests.push_service import PushService
from tests.scale.programs import SESSIONS, free_port, pgbouncer

pytestmark = pytest.mark.anyio

PEOPLE = 20
CALLS = 300
PAUSE_S = 0.02  # between two calls of a person


@dataclass
class Pooled:
    """Servers whose database is behind a PgBouncer, which can be ended and started again."""

    url: str
    servers: list[RunningServer]
    bouncer: Program


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that PgBouncer may read when it is no longer root."""
    folder = tmp_path_factory.mktemp("pgbouncer")
    folder.parent.chmod(0o755)
    return folder


@pytest.fixture
def pooled(steady_cluster: Cluster, push: PushService, home: Path) -> Iterator[Pooled]:
    """Run two servers with two workers each."""
    database, port = steady_cluster.database(), free_port()
    url = f"postgresql://whisper@127.0.0.1:{port}/whisper?pgbouncer=true"
    env = {"WHISPER_DATABASE_URL": url, "WHISPER_WORKERS": "2"}
    with ExitStack() as open_:
        postgres = open_.enter_context(fault_proxy(steady_cluster.socket))
        bouncer = open_.enter_context(pgbouncer(home, database, postgres.port, port))
        servers = [
            open_.enter_context(
                run_server(steady_cluster, push, database=database, env=env, command=FORKED_WORKERS)
            )
            for _ in "12"
        ]
        yield Pooled(url, servers, bouncer)


async def ready(caller: Caller) -> None:
    """Wait until calls are served."""
    async with asyncio.timeout(20):
        while await caller.get("/readyz") != 200:
            await asyncio.sleep(0.05)


async def test_many_connections_share_few_sessions(
    steady_cluster: Cluster, push: PushService, pooled: Pooled, tmp_path: Path
) -> None:
    """Every call is served, all that was acknowledged is there, and Postgres has a handful of sessions.

    Upkeep goes through it too: its lease needs no session of its own.
    """
    first, second = pooled.servers
    async with open_caller(first.url) as one, open_caller(second.url) as other:
        await ready(one)
        await ready(other)
        people = await register_users(push, one, PEOPLE)
        async with run_load([one, other], people, PAUSE_S) as traffic:
            purge = await asyncio.to_thread(whisper, "purge", env=first.deployment.env, cwd=tmp_path)
            while len(traffic.samples) < CALLS:
                sessions = await asyncio.to_thread(steady_cluster.backends, first.database)
                assert sessions <= SESSIONS

    assert purge in [(0, "Purged 0 expired registrations."), (0, "A server is purging just now.")]
    assert set(traffic.codes) == {OK}, traffic.codes
    assert undelivered_calls(traffic, people) == []
    assert lost_updates(traffic, first) == []
    assert first.tracebacks + second.tracebacks == 0


async def test_a_pooler_that_is_restarted_costs_a_moment(
    push: PushService, pooled: Pooled, home: Path, steady_cluster: Cluster
) -> None:
    """While it is away, callers are told to come again; afterwards nothing is left over."""
    first, _ = pooled.servers
    async with open_caller(first.url) as caller:
        await ready(caller)
        people = await register_users(push, caller, PEOPLE)
        async with run_load([caller], people, PAUSE_S) as traffic:
            pooled.bouncer.kill()
            while UNAVAILABLE not in traffic.codes:
                assert len(traffic.samples) < 10 * CALLS
                await caller.get("/livez")
            port = int(pooled.url.partition("127.0.0.1:")[2].partition("/")[0])
            with (
                fault_proxy(steady_cluster.socket) as postgres,
                pgbouncer(home, first.database, postgres.port, port),
            ):
                await ready(caller)
                began = len(traffic.samples)
                while len(traffic.samples) < began + CALLS:
                    await caller.get("/livez")

    assert first.tracebacks == 0, first.program.output
    assert set(traffic.codes) <= {OK, UNAVAILABLE}, traffic.codes
    assert lost_updates(traffic, first) == []
