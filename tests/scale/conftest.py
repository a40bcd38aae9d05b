"""nginx, PgBouncer and Redis are Debian's. Where they are missing these tests are left out; not so in CI."""

import os
from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal

from tests.faults.cluster import Cluster, cluster
from tests.processes import missing
from tests.push_service import PushService

NEEDED = {
    "test_instances.py": ("nginx", "pgbouncer", "redis-server"),
    "test_nginx.py": ("nginx",),
    "test_pgbouncer.py": ("pgbouncer",),
    "test_shared_limits.py": ("redis-server",),
}
_MISSING = missing("nginx", "pgbouncer", "redis-server")
_LEFT_OUT = f"Left out: some of tests/scale. To run them: apt-get install {' '.join(_MISSING)}"

collect_ignore = [file for file, programs in NEEDED.items() if missing(*programs)]

if _MISSING and "LEAVE_NOTHING_OUT" in os.environ:
    raise pytest.UsageError(_LEFT_OUT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if _MISSING:
        terminalreporter.write_line(_LEFT_OUT)


@pytest.fixture(scope="session")
def steady_cluster() -> Iterator[Cluster]:
    """Run a Postgres."""
    with cluster() as running:
        yield running


@pytest.fixture(scope="session")
def push() -> Iterator[PushService]:
    """Run a push service in a thread of its own, so that no test holds it up."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(PushService.running()) as running,
    ):
        yield running
