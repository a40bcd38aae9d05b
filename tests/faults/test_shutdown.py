"""Graceful shutdown: calls that were begun are finished, and a refused client tries the next instance."""

import asyncio
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import psutil
import pytest

from tests.deadlines import SHORT
from tests.deployment import serving
from tests.faults.harness.cluster import Cluster
from tests.faults.harness.delivery_checks import count_pushes, lost_updates, undelivered_calls, wait_for_push
from tests.faults.harness.load_generator import REFUSED, Caller, Sample, open_caller, register_users, run_load
from tests.faults.harness.scenario import OK
from tests.faults.harness.server_process import RunningServer, run_server
from tests.push_service import PushService
from tests.short_deadline_server import SHORT_DEADLINE_SERVER

pytestmark = pytest.mark.anyio

PEOPLE = 15
PAUSE_S = 0.01  # between two calls of a person: some are always on their way
GRACE_S = 10
READY_CPU_S = 6
CLOSED = (0, REFUSED)


class RetryingCaller(Caller):
    """Caller that tries the next instance where nobody listens, as a client or a load balancer does."""

    def __init__(self, callers: list[Caller]) -> None:
        self._callers = callers

    async def send(self, call: dict[str, Any]) -> Sample:
        """Send *call* until somebody listens."""
        while True:
            for caller in list(self._callers):
                sample = await caller.send(call)
                if sample.code != REFUSED:
                    return sample
            await asyncio.sleep(0.05)


def restart(running: RunningServer, open_: ExitStack) -> RunningServer:
    """Stop the server of *running*, and start another at its port."""
    assert running.program.stop() == 0
    program, _ = open_.enter_context(serving(running.deployment))
    return replace(running, program=program)


async def ready(caller: Caller) -> None:
    """Wait until the server serves."""
    async with asyncio.timeout(20):
        while await caller.get("/readyz") != 200:
            await asyncio.sleep(0.02)


async def test_what_is_in_flight_is_finished(steady_cluster: Cluster, push: PushService) -> None:
    """After SIGTERM nobody connects; who is served gets the truth, within ten seconds; the status is 0."""
    with run_server(steady_cluster, push, command=SHORT_DEADLINE_SERVER) as running:
        async with open_caller(running.url) as caller:
            alice, bob, carol = await register_users(push, caller, count=3)
            push.script([{"delay": SHORT.attempt_s * 2 / 3}], bob.token)
            push.script([{"hang": "head"}], carol.token)
            calls = [alice.person.to("dial", other.person) for other in (bob, carol)]
            dialling = [asyncio.create_task(caller.send(call)) for call in calls]
            await asyncio.gather(wait_for_push(push, bob), wait_for_push(push, carol))

            began = time.monotonic()
            running.program.process.terminate()
            await asyncio.sleep(0.3)
            late = await caller.send(alice.update(0))
            slow, hung = await asyncio.gather(*dialling)
            status = await asyncio.to_thread(running.program.ended)
            seconds = time.monotonic() - began

    assert (late.code, slow.status, (hung.status, hung.code)) == (REFUSED, 200, (504, "push_timed_out"))
    assert (count_pushes(push, bob), count_pushes(push, carol)) == (1, 1)
    assert status == 0
    assert SHORT.attempt_s / 2 < seconds < GRACE_S


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_sigterm_under_load_drops_nothing(
    steady_cluster: Cluster, push: PushService, workers: str
) -> None:
    """Each call is served, or refused before it was heard; what was said to be done is done."""
    with run_server(steady_cluster, push, env={"WHISPER_WORKERS": workers}) as running:
        async with open_caller(running.url) as caller:
            await ready(caller)
            people = await register_users(push, caller, PEOPLE)
            async with run_load([caller], people, PAUSE_S) as traffic:
                await asyncio.sleep(0.3)
                status = await asyncio.to_thread(running.program.stop)

            assert status == 0
            assert set(traffic.codes) <= {OK, CLOSED}, traffic.codes
            assert undelivered_calls(traffic, people) == []
            assert lost_updates(traffic, running) == []


async def test_a_rolling_restart_of_two_instances_drops_nothing(
    steady_cluster: Cluster, push: PushService
) -> None:
    """One after the other; each call succeeds at the first instance that listens."""
    database = steady_cluster.database()
    with ExitStack() as open_:
        two = [open_.enter_context(run_server(steady_cluster, push, database=database)) for _ in range(2)]
        async with open_caller(two[0].url) as first, open_caller(two[1].url) as second:
            people = await register_users(push, first, PEOPLE)
            callers = [RetryingCaller([first, second]), RetryingCaller([second, first])]
            async with run_load(callers, people, PAUSE_S) as traffic:
                for number in (0, 1):
                    await asyncio.sleep(0.3)
                    two[number] = await asyncio.to_thread(restart, two[number], open_)
                await asyncio.sleep(0.3)

        assert set(traffic.codes) == {OK}, traffic.codes
        assert undelivered_calls(traffic, people) == []
        assert lost_updates(traffic, two[0]) == []


async def test_a_server_is_soon_ready(steady_cluster: Cluster, push: PushService) -> None:
    """Six seconds of computing at most; how long they take depends on who else computes."""
    with run_server(steady_cluster, push) as running:
        async with open_caller(running.url) as caller:
            await ready(caller)
            cpu = psutil.Process(running.program.process.pid).cpu_times()

    assert cpu.user + cpu.system < READY_CPU_S
