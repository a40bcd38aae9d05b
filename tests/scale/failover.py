"""Failover by Patroni under traffic: no acknowledged update is lost, and calls are served again in time.

It takes a minute, so that `make test` leaves it out. With Debian's packages patroni and etcd-server, as root:
`.venv/bin/python -m pytest tests/scale/failover.py`
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment import Deployment, serving
from tests.faults.harness.cluster import ROLE
from tests.faults.harness.delivery_checks import undelivered_calls
from tests.faults.harness.load_generator import Traffic, open_caller, register_users, run_load
from tests.faults.harness.server_process import server_settings
from tests.push_service import PushService
from tests.scale.patroni import Node, failover_pair

pytestmark = pytest.mark.anyio

BACK_IN_S = 15
BEFORE_S = 5


def lost_updates(traffic: Traffic, node: Node) -> list[str]:
    """Return the addresses whose acknowledged update, or a later one, is not in the database of *node*."""
    acknowledged = {
        sample.call["b"]["a"]: sample.call["b"]["c"]
        for sample in traffic.accepted
        if sample.method == "update"
    }
    rows = node.sql("SELECT encode(address, 'base64'), signed_at FROM subscription", "whisper")
    stored = {address: int(at) for address, at in rows}
    return [address for address, at in acknowledged.items() if stored.get(address, 0) < at]


@pytest.fixture
def pair() -> Iterator[tuple[Node, Node]]:
    """Run a primary and its synchronous standby."""
    with failover_pair() as running:
        yield running


async def test_a_failover_loses_nothing_and_is_over_in_time(
    pair: tuple[Node, Node], push: PushService
) -> None:
    """The machine of the primary is gone at once; its synchronous standby is promoted."""
    primary, standby = pair
    with tempfile.TemporaryDirectory(prefix="server") as home:
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        url = f"postgresql://{ROLE}@{hosts}/whisper?target_session_attrs=read-write"
        with serving(Deployment(0, server_settings(url, push), Path(home))) as (server, deployed):
            async with open_caller(deployed.url) as caller:
                users = await register_users(push, caller)
                async with run_load([caller], users) as traffic:
                    await asyncio.sleep(BEFORE_S)
                    primary.kill()
                    killed = time.monotonic()
                    await asyncio.sleep(2 * BACK_IN_S)

            print(f"back after {traffic.recovered_in(killed):.1f} s", traffic.codes)  # noqa: T201 - the figure
            assert lost_updates(traffic, standby) == []
            assert undelivered_calls(traffic, users) == []
            assert traffic.recovered_in(killed) < BACK_IN_S
            assert {status for status, _ in traffic.codes} == {200, 503}
            assert "Traceback" not in server.output
