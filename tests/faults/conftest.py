"""Shared fixtures of the fault tests: a Postgres and a push service; each server has its own database."""

from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal

from tests.faults.harness.cluster import Cluster, cluster
from tests.push_service import PushService


@pytest.fixture(scope="session")
def steady_cluster() -> Iterator[Cluster]:
    """Run a Postgres that no test stops: faults of the connection to it are injected by a proxy."""
    with cluster() as running:
        yield running


@pytest.fixture(scope="session")
def restartable_cluster() -> Iterator[Cluster]:
    """Run a Postgres that tests stop, kill and start again."""
    with cluster() as running:
        yield running


@pytest.fixture(scope="session")
def push() -> Iterator[PushService]:
    """Run a push service in a thread of its own, so that no test blocks it."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(PushService.running()) as running,
    ):
        yield running
