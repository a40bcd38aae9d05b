"""Tests with servers of Debian: left out if one is missing, but not in CI."""

import os

import pytest

from tests.faults.conftest import push, steady_cluster
from tests.processes import missing

__all__ = ["push", "steady_cluster"]  # fixtures of the fault tests, used here too

NEEDED = {
    "test_caddy.py": ("caddy",),
    "test_database_tls.py": ("postgres",),
    "test_instances.py": ("nginx", "pgbouncer", "redis-server"),
    "test_nginx.py": ("nginx",),
    "test_pgbouncer.py": ("pgbouncer",),
    "test_turnserver.py": ("turnserver",),
}
_MISSING = missing("nginx", "caddy", "pgbouncer", "postgres", "redis-server", "turnserver")
_LEFT_OUT = f"Left out: some tests with servers of Debian. To run them: apt-get install {' '.join(_MISSING)}"

collect_ignore = [file for file, programs in NEEDED.items() if missing(*programs)]

if _MISSING and "LEAVE_NOTHING_OUT" in os.environ:
    raise pytest.UsageError(_LEFT_OUT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if _MISSING:
        terminalreporter.write_line(_LEFT_OUT)
