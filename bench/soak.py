"""Steady calls at half of what a server can carry: `python -m bench.soak [SECONDS]`, 600 of them by default.

First its capacity is measured: as many calls as it answers when there are always some waiting. Then it gets
half of that, evenly. There must be no error, and no more memory at the end than in the beginning. Whoever
calls, the push service and Postgres are on the same machine: what one core carries is told by the server's
own processor time.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp
import psutil

from app.push.vapid import VapidKey
from tests.deployment import Deployment, serving
from tests.faults.cluster import cluster
from tests.people import Person, body, now_ms
from tests.processes import program
from tests.scale.programs import free_port
from tests.vectors_of import subscription_json

SECONDS = 600
CAPACITY_S = 10
WAITING = 64  # calls at once while the capacity is measured
PEOPLE = 200
MOST_LATE_S = 0.1
SAMPLES = 40  # of the server's memory
GROWTH = 1.05  # of it that is still flat: an allocator breathes
METHODS = ("update", "dial", "offer", "answer")
LIMITS = ("DIAL", "CALLS", "RECIPIENT", "RECIPIENT_HOUR", "UPDATES", "NEW_ADDRESSES")

Call = Callable[["Tally"], Coroutine[Any, Any, None]]


@dataclass
class Tally:
    """What became of the calls so far."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How many there were."""
        return len(self.seconds)


class Crowd:
    """People who call each other through *url*, and renew their registrations."""

    def __init__(self, session: aiohttp.ClientSession, url: str, sink: str) -> None:
        self._session = session
        self._url = url
        self._subscription = {person: subscription_json(f"{sink}/{n}") for n, person in enumerate(people())}
        self._people = list(self._subscription)
        self._numbers = count()

    async def arrive(self) -> None:
        """Register everybody."""
        for person in self._people:
            await self._post(person.update(self._subscription[person], sent_at=now_ms()), Tally())

    async def call(self, tally: Tally) -> None:
        """Make the next call."""
        number = next(self._numbers)
        one, other = (self._people[(number // len(METHODS) + step) % PEOPLE] for step in (0, 1))
        method = METHODS[number % len(METHODS)]
        if method == "update":
            call = one.update(self._subscription[one], sent_at=now_ms())
        else:
            call = one.to(method, other, b=now_ms() + number % 1000)  # an offer and an answer say the same
        await self._post(call, tally)

    async def _post(self, call: dict[str, Any], tally: Tally) -> None:
        began = time.monotonic()
        try:
            async with self._session.post(f"{self._url}/{call['a']}", data=body(call)) as response:
                answer = await response.json()
                if not answer["ok"]:
                    tally.errors.append(answer["code"])
        except (aiohttp.ClientError, TimeoutError) as error:
            tally.errors.append(type(error).__name__)
        tally.seconds.append(time.monotonic() - began)


def people() -> list[Person]:
    """Return a crowd."""
    return [Person() for _ in range(PEOPLE)]


async def capacity(call: Call, seconds: float) -> Tally:
    """Keep some calls waiting for so many *seconds*."""
    tally, until = Tally(), time.monotonic() + seconds

    async def keep_calling() -> None:
        while time.monotonic() < until:
            await call(tally)

    await asyncio.gather(*(keep_calling() for _ in range(WAITING)))
    return tally


async def steady(call: Call, rate: float, seconds: float) -> Tally:
    """Make *rate* calls a second, whether or not the ones before have ended.

    Whoever was held up itself, on a busy machine, does not make up for it with a burst.
    """
    tally, due = Tally(), time.monotonic()
    until = due + seconds
    async with asyncio.TaskGroup() as calls:
        while due < until:
            await asyncio.sleep(max(0, due - time.monotonic()))
            calls.create_task(call(tally))
            due = max(due + 1 / rate, time.monotonic() - MOST_LATE_S)
    return tally


@asynccontextmanager
async def watched(process: psutil.Process, every: float) -> AsyncIterator[list[float]]:
    """Note the memory of *process* in MiB, again and again, until the block ends."""
    sizes: list[float] = []

    async def note() -> None:
        while True:
            sizes.append(process.memory_info().rss / 2**20)
            await asyncio.sleep(every)

    task = asyncio.create_task(note())
    try:
        yield sizes
    finally:
        task.cancel()


def used(process: psutil.Process) -> float:
    """Return the processor time that *process* has used, in seconds."""
    times = process.cpu_times()
    return times.user + times.system


async def soak(url: str, sink: str, process: psutil.Process, seconds: float) -> bool:
    """Print the table; tell whether all was well."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
        crowd = Crowd(session, url, sink)
        await crowd.arrive()
        before = used(process)
        most = await capacity(crowd.call, CAPACITY_S)
        core = most.calls / (used(process) - before)
        async with watched(process, seconds / SAMPLES) as sizes:
            before = used(process)
            tally = await steady(crowd.call, most.calls / CAPACITY_S / 2, seconds)
            busy = used(process) - before
    begin, end = median(sizes[SAMPLES // 4 : SAMPLES // 2]), median(sizes[-SAMPLES // 4 :])
    *_, p99 = quantiles(tally.seconds, n=100)
    rows = {
        "capacity, calls/s on this machine": f"{most.calls / CAPACITY_S:.0f}",
        "capacity, calls/s for a core of the server's": f"{core:.0f}",
        "errors while it was measured": f"{len(most.errors)}",
        "steady calls": f"{tally.calls} in {seconds:.0f} s",
        "errors": f"{len(tally.errors)} {sorted(set(tally.errors))}",
        "p50 and p99 in ms, 50 of them for the push": f"{1000 * median(tally.seconds):.0f}, {1000 * p99:.0f}",
        "processor of the server, of one core": f"{100 * busy / seconds:.0f} %",
        "memory in MiB, second quarter and last": f"{begin:.0f}, {end:.0f}",
    }
    for name, value in rows.items():
        print(f"{name:48} {value}")
    return not tally.errors and end < GROWTH * begin


def main(seconds: float) -> int:
    """Run a server with all it needs, and let it be called."""
    port = free_port()
    sink = f"http://127.0.0.1:{port}"
    with ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="soak")))
        postgres = opened.enter_context(cluster())
        opened.enter_context(program(sys.executable, "-m", "bench.sink", str(port)))
        env = {
            "WHISPER_DATABASE_URL": postgres.url(postgres.database()),
            "WHISPER_PUSH_ENDPOINTS": sink,
            "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
            "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
            **{f"WHISPER_LIMIT_{name}": "99999999/60s" for name in LIMITS},
        }
        running, deployed = opened.enter_context(serving(Deployment(0, env, home)))
        well = asyncio.run(soak(deployed.url, sink, psutil.Process(running.process.pid), seconds))
        warnings = [line for line in running.lines if " WARNING " in line or " ERROR " in line]
    print("All is well." if well else "\n".join(["Something is not.", *warnings[-10:]]))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
