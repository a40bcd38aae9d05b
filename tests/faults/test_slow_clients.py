"""Slow-client flood (slowloris): 500 silent and 500 dribbling connections are closed in time."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.deadlines import MARGIN_S, SHORT_TIMEOUTS
from tests.faults.harness.cluster import Cluster
from tests.faults.harness.load_generator import Traffic
from tests.faults.harness.scenario import OK, Scenario, start_scenario
from tests.faults.harness.server_process import RunningServer, run_server
from tests.push_service import PushService
from tests.short_deadline_server import SHORT_DEADLINE_SERVER

pytestmark = pytest.mark.anyio

EACH = 500
FILES = 4096  # for both sides of a thousand connections, and what else there is
RECEIVE_S = SHORT_TIMEOUTS.receive_s
DRIP_EVERY_S = RECEIVE_S / 5
APART_S = RECEIVE_S / 1000  # between two connections of a kind: all are open before the first is closed
HEAD = b"POST /dial HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\n\r\n"


@contextmanager
def many_files() -> Iterator[None]:
    """Allow this process, and those that it starts, to have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(FILES, hard)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def running(steady_cluster: Cluster, push: PushService) -> Iterator[RunningServer]:
    """Run a server."""
    with many_files(), run_server(steady_cluster, push, command=SHORT_DEADLINE_SERVER) as started:
        yield started


@dataclass(frozen=True)
class ConnectionEnd:
    """End of a connection: the seconds that it was kept, and the server's last bytes."""

    seconds: float
    said: bytes


async def hold(port: int, number: int, *, dribbling: bool) -> ConnectionEnd:
    """Connect, say nothing or very little, and wait for the end; each *number* at another moment."""
    await asyncio.sleep(number * APART_S)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began, said = time.monotonic(), b""
    writer.write(HEAD if dribbling else b"")
    while time.monotonic() - began < RECEIVE_S + MARGIN_S:
        try:
            async with asyncio.timeout(DRIP_EVERY_S):
                piece = await reader.read(4096)
        except TimeoutError:
            writer.write(b" " if dribbling else b"")
            continue
        except ConnectionError:
            break
        if not piece:
            break
        said += piece
    writer.close()
    return ConnectionEnd(time.monotonic() - began, said)


@dataclass(frozen=True)
class Flood:
    """Result of a flood: the ends of its connections, and the honest calls meanwhile."""

    silent: list[ConnectionEnd]
    dribbling: list[ConnectionEnd]
    traffic: Traffic


@pytest.fixture(scope="module")
async def scenario(running: RunningServer) -> AsyncIterator[Scenario]:
    """Let people use the server."""
    async with start_scenario(running) as begun:
        yield begun


@pytest.fixture(scope="module")
async def flood(scenario: Scenario) -> Flood:
    """Hold a thousand connections at once, while people call."""
    port = scenario.server.deployment.port
    async with scenario.traffic() as traffic:
        silent = [asyncio.create_task(hold(port, n, dribbling=False)) for n in range(EACH)]
        dribbling = [asyncio.create_task(hold(port, n, dribbling=True)) for n in range(EACH)]
        ended = await asyncio.gather(*silent), await asyncio.gather(*dribbling)
    return Flood(*ended, traffic)


@pytest.mark.parametrize("kind", ["silent", "dribbling"])
async def test_who_says_too_little_is_given_up(flood: Flood, kind: str) -> None:
    """When its time is over, however much is said in between; the answer says why."""
    endings: list[ConnectionEnd] = getattr(flood, kind)

    assert len(endings) == EACH
    assert max(ending.seconds for ending in endings) < RECEIVE_S + MARGIN_S
    assert all(b"request_timed_out" in ending.said for ending in endings)


async def test_honest_callers_are_served_meanwhile(flood: Flood) -> None:
    """All are served, and none waits for the flood to end."""
    assert set(flood.traffic.codes) == {OK}
    assert flood.traffic.slowest < RECEIVE_S + MARGIN_S


async def test_the_server_recovers(flood: Flood, scenario: Scenario) -> None:
    """No connection is left, nor anything else of them."""
    await scenario.assert_recovered(flood.traffic, endings=[OK])
