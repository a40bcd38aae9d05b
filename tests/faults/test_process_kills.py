"""SIGKILL in the middle of something, as by the kernel or a power cut."""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.faults.harness.cluster import Cluster
from tests.faults.harness.delivery_checks import count_pushes, wait_for_push
from tests.faults.harness.load_generator import LOST, REFUSED, Caller, open_caller, register_users
from tests.faults.harness.scenario import start_scenario
from tests.faults.harness.server_process import run_server
from tests.people import Person, now_ms
from tests.push_service import PushService
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio

KILLS = 50
LANES = 2  # of servers that are killed beside each other
WRITERS = 8  # people who register when it happens
HOST = "fcm.googleapis.com"  # where writers say that they are; nobody calls them
DELAY_S = 2  # of a push service that is slow
LIFE_MS = 24 * 60 * 60 * 1000


@dataclass
class Writer:
    """Client that registers again and again, each time with its time in every column of its row."""

    person: Person = field(default_factory=Person)
    attempted: set[int] = field(default_factory=set)
    acknowledged: int = 0

    async def write(self, caller: Caller) -> None:
        """Register until the server is gone, or its database."""
        while True:
            at = now_ms()
            subscription = subscription_json(f"https://{HOST}/{at}") | {"b": at + LIFE_MS}
            self.attempted.add(at)
            sample = await caller.send(self.person.update(subscription, sent_at=at))
            if sample.status != 200:
                assert sample.code in (LOST, REFUSED, "database_unavailable"), sample
                return
            self.acknowledged = at

    def is_kept(self, row: tuple[int, int, int]) -> bool:
        """Tell whether *row* is one of the updates, whole, and none older than the last acknowledged."""
        return row[0] == row[1] == row[2] >= self.acknowledged > 0 and row[0] in self.attempted


def cpu_s(processes: list[psutil.Process]) -> dict[int, float]:
    """Return for how long each of *processes* has computed, but for those that have ended."""
    spent = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent[process.pid] = times.user + times.system
    return spent


def rows(postgres: Cluster, database: str) -> dict[str, tuple[int, int, int]]:
    """Return the time that each column of each writer's row tells, by address."""
    columns = f"encode(address, 'base64'), endpoint, expires_at - {LIFE_MS}, signed_at"
    found = postgres.sql(f"SELECT {columns} FROM subscription", database)  # noqa: S608 - ours
    return {
        address: (int(url.rpartition("/")[2]), int(a), int(b)) for address, url, a, b in found if HOST in url
    }


async def register(url: str, kill: Callable[[], None]) -> list[Writer]:
    """Let people register, *kill* somebody in the middle of it, and return those who did."""
    writers = [Writer() for _ in range(WRITERS)]
    async with open_caller(url) as caller, asyncio.TaskGroup() as writing:
        for writer in writers:
            writing.create_task(writer.write(caller))
        while not all(writer.acknowledged for writer in writers):
            await asyncio.sleep(0.005)
        await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311 - no two kills hit the same moment
        await asyncio.to_thread(kill)
    return writers


def damaged(postgres: Cluster, database: str, writers: list[Writer]) -> list[Writer]:
    """Return those of *writers* whose row is not as it must be."""
    stored = rows(postgres, database)
    return [each for each in writers if not each.is_kept(stored.get(each.person.address.text, (0, 0, 0)))]


def killed(postgres: Cluster, push: PushService, database: str) -> list[Writer]:
    """Run a server, kill it while people register, and return those who did."""
    with run_server(postgres, push, database=database) as running:
        return asyncio.run(register(running.url, running.program.process.kill))


def test_50_kills_leave_each_row_old_or_new(steady_cluster: Cluster, push: PushService) -> None:
    """None is torn, none is lost that was acknowledged, though servers are killed while people register."""
    database = steady_cluster.database()

    with ThreadPoolExecutor(LANES) as lanes:
        kills = [lanes.submit(killed, steady_cluster, push, database) for _ in range(KILLS)]
        writers = [writer for kill in kills for writer in kill.result()]

    assert len(writers) == KILLS * WRITERS
    assert damaged(steady_cluster, database, writers) == []


async def test_what_was_acknowledged_survives_a_kill_of_postgres(
    restartable_cluster: Cluster, push: PushService
) -> None:
    """All of its processes end at once while people register; it recovers, and so does the server."""
    with run_server(restartable_cluster, push) as running:
        async with start_scenario(running) as scenario:
            async with scenario.traffic() as traffic:
                writers = await register(running.url, restartable_cluster.kill)
                await asyncio.to_thread(restartable_cluster.start)
                await asyncio.sleep(1)
            await scenario.assert_recovered(traffic)
            harmed = damaged(restartable_cluster, running.database, writers)

    assert harmed == []


async def test_orphaned_workers_finish_what_is_in_flight(
    steady_cluster: Cluster, push: PushService, tmp_path: Path
) -> None:
    """Their parent is killed: they stop, hardly computing, and the last call is answered."""
    env = {"WHISPER_WORKERS": "2", "TMPDIR": str(tmp_path)}  # it leaves behind what it made there
    with run_server(steady_cluster, push, env=env) as running:
        for _ in range(2):
            running.program.wait_for("startup complete")
        workers = [each for each in running.process.children() if "spawn_main" in " ".join(each.cmdline())]
        async with open_caller(running.url) as caller:
            alice, bob = await register_users(push, caller, count=2)
            push.script([{"delay": DELAY_S}], bob.token)
            dialling = asyncio.create_task(caller.send(alice.person.to("dial", bob.person)))
            await wait_for_push(push, bob)
            before = cpu_s(workers)
            running.program.process.kill()
            await asyncio.sleep(DELAY_S / 2)
            spent = [seconds - before[pid] for pid, seconds in cpu_s(workers).items()]
            answered = await dialling
        _, alive = psutil.wait_procs(workers, timeout=10)

    assert (answered.status, alive) == (200, [])
    assert max(spent) < DELAY_S / 4


async def test_a_kill_during_a_relay_costs_one_more_push_at_most(
    steady_cluster: Cluster, push: PushService
) -> None:
    """Its caller has no answer and tries again at another instance: the phone may ring twice, and no more."""
    database = steady_cluster.database()
    with (
        run_server(steady_cluster, push, database=database) as doomed,
        run_server(steady_cluster, push, database=database) as other,
    ):
        async with open_caller(doomed.url) as first, open_caller(other.url) as second:
            alice, bob = await register_users(push, second, count=2)
            push.script([{"delay": 1}], bob.token)
            call = alice.person.to("dial", bob.person)
            dialling = asyncio.create_task(first.send(call))
            await wait_for_push(push, bob)
            doomed.program.process.kill()
            lost = await dialling
            again = [await second.send(call) for _ in range(3)]

    assert (lost.code, {sample.status for sample in again}) == (LOST, {200})
    assert count_pushes(push, bob) == 2
