"""Recovery check after a fault: honest calls succeed, and resource usage is back at the baseline."""

import asyncio
import time
from dataclasses import dataclass

import httpx

from tests.faults.harness.load_generator import Caller, Sample
from tests.faults.harness.server_process import RunningServer, User
from tests.people import now_ms

HONEST_CALLS = 100
RECOVERY_TIMEOUT_S = 10
WARM_UP_ROUNDS = 2
WARM_UP_TIMEOUT_S = 15
POOLED = 64  # connections to a push service that wait up to half a minute for the next message
POOL = 10  # connections to the database that stay open
AT_ONCE = 30
MEMORY_SLACK = 24 * 1024 * 1024  # bytes: heaps of several threads don't shrink by the page


@dataclass(frozen=True)
class ResourceUsage:
    """Resources of a server process; *files* are without those of its pools.

    *pooled* are connections to the push service, *backends* to the database.
    """

    files: int
    pooled: int
    threads: int
    memory: int
    backends: int

    def within(self, before: "ResourceUsage") -> bool:
        """Return whether usage is no more than *before*; memory has some slack."""
        return (
            self.files <= before.files
            and self.pooled <= POOLED
            and self.threads <= before.threads
            and self.memory <= before.memory + MEMORY_SLACK
            and self.backends <= max(before.backends, POOL)
        )


def measure_usage(server: RunningServer) -> ResourceUsage:
    """Measure the resources of *server* now."""
    process, push_port = server.process, int(server.push.origin.rpartition(":")[2])
    peers = [each.raddr.port for each in process.net_connections("tcp") if each.raddr]
    pooled, backends = peers.count(push_port), server.cluster.backends(server.database)
    return ResourceUsage(
        files=process.num_fds() - pooled - backends,
        pooled=pooled,
        threads=process.num_threads(),
        memory=process.memory_info().rss,
        backends=backends,
    )


async def warm_up(server: RunningServer, caller: Caller, users: list[User]) -> ResourceUsage:
    """Use the server until its pools are full and its code is warm; return its usage as the baseline.

    A server with short deadlines may miss one at first, on a busy machine.
    """
    deadline, rounds = time.monotonic() + WARM_UP_TIMEOUT_S, 0
    while rounds < WARM_UP_ROUNDS:
        pairs = [(users[n % len(users)], users[(n + 1) % len(users)]) for n in range(AT_ONCE)]
        now, samples = now_ms(), list[Sample]()
        for calls in (
            [one.person.to("ice", other.person) for one, other in pairs],
            [one.update(now) for one, _ in pairs],
        ):
            samples += await asyncio.gather(*map(caller.send, calls))
        failed = [sample for sample in samples if sample.status != httpx.codes.OK]
        rounds += not failed
        assert not failed or time.monotonic() < deadline, failed[0]
    await asyncio.sleep(0.3)
    return measure_usage(server)


async def assert_recovered(
    server: RunningServer, caller: Caller, users: list[User], before: ResourceUsage
) -> None:
    """Fail unless a hundred honest calls in a row succeed, with no more resources than *before*."""
    for number in range(HONEST_CALLS):
        one, other = users[number % len(users)], users[(number + 1) % len(users)]
        call = one.person.to("ice", other.person) if number % 2 else one.update(now_ms())
        sample = await caller.send(call)
        assert sample.status == 200, sample
    deadline = time.monotonic() + RECOVERY_TIMEOUT_S
    while not (now := measure_usage(server)).within(before):
        assert time.monotonic() < deadline, f"{now} is more than {before}"
        await asyncio.sleep(0.2)
