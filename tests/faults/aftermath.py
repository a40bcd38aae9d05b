"""After a fault: honest calls go through, and the server holds no more than before."""

import asyncio
import time
from dataclasses import dataclass

from tests.faults.site import Citizen, Site
from tests.faults.traffic import Caller
from tests.people import now_ms

HONEST_CALLS = 100
PATIENCE_S = 10
POOLED = 64  # connections to a push service that wait up to half a minute for the next message
AT_ONCE = 30  # more than the database's pool has
MEMORY_SLACK = 24 * 1024 * 1024  # bytes: heaps of several threads don't shrink by the page


@dataclass(frozen=True)
class Holdings:
    """What a server holds; *pooled* are connections to the push service, which are not among the *files*."""

    files: int
    pooled: int
    threads: int
    memory: int
    backends: int

    def within(self, before: "Holdings") -> bool:
        """Tell whether it is no more than *before*; memory has some slack."""
        return (
            self.files <= before.files
            and self.pooled <= POOLED
            and self.threads <= before.threads
            and self.memory <= before.memory + MEMORY_SLACK
            and self.backends <= before.backends
        )


def holdings(site: Site) -> Holdings:
    """Return what the server of *site* holds now."""
    process, push_port = site.process, int(site.push.origin.rpartition(":")[2])
    peers = [each.raddr.port for each in process.net_connections("tcp") if each.raddr]
    pooled = peers.count(push_port)
    return Holdings(
        files=process.num_fds() - pooled,
        pooled=pooled,
        threads=process.num_threads(),
        memory=process.memory_info().rss,
        backends=site.cluster.backends(site.database),
    )


async def at_ease(site: Site, caller: Caller, people: list[Citizen]) -> Holdings:
    """Use the server until its pools are full and its code is warm, and return what it then holds."""
    for _ in range(2):
        pairs = [(people[n % len(people)], people[(n + 1) % len(people)]) for n in range(AT_ONCE)]
        now = now_ms()
        for calls in (
            [one.person.to("ice", other.person) for one, other in pairs],
            [one.update(now) for one, _ in pairs],  # each a statement of its own, where look-ups share one
        ):
            samples = await asyncio.gather(*map(caller.send, calls))
            assert {sample.status for sample in samples} == {200}
    await asyncio.sleep(0.3)
    return holdings(site)


async def assert_well(site: Site, caller: Caller, people: list[Citizen], before: Holdings) -> None:
    """Fail unless a hundred honest calls in a row succeed, and the server holds no more than *before*."""
    for number in range(HONEST_CALLS):
        one, other = people[number % len(people)], people[(number + 1) % len(people)]
        call = one.person.to("ice", other.person) if number % 2 else one.update(now_ms())
        sample = await caller.send(call)
        assert sample.status == 200, sample
    deadline = time.monotonic() + PATIENCE_S
    while not (now := holdings(site)).within(before):
        assert time.monotonic() < deadline, f"{now} is more than {before}"
        await asyncio.sleep(0.2)
