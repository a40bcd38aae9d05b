"""Load generator: closed or open loop, in a process of its own, over keep-alive connections."""

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import uvloop

from bench.load.client_connection import LOST, Connection
from bench.load.workload import Person, Request, population

TIMEOUT_S = 10  # for requests that are still in flight at the end
OK = 200

# Makes the requests of a run, given all people and a seed, once its connections are open.
Requests = Callable[[list[Person], int], Iterator[Request]]


@dataclass(frozen=True, slots=True)
class Load:
    """Load of *rate* requests a second (open loop), or of one in flight per connection (closed loop).

    A push service that answers after a *delay* makes a closed loop come in waves, so connections begin one
    after the other within it, and what is answered before the first could be is not counted as throughput.
    """

    port: int
    connections: int
    seconds: float
    requests: Requests
    seed: int
    rate: float | None = None
    delay: float = 0
    sources: Sequence[str] = ("127.0.0.1",)  # the local addresses that it connects from, in turn


@dataclass(slots=True)
class Result:
    """Result of a load: the latency of each served request, in seconds, and the other answers."""

    seconds: float = 0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    timely: int = 0  # of those, answered within the seconds
    pushes: int = 0  # that they became
    possible: int = 0  # pushes that all requests could become
    refused: Counter[str] = field(default_factory=Counter)

    def include(self, other: "Result") -> None:
        """Add the result of another load."""
        self.latencies.extend(other.latencies)
        self.timely += other.timely
        self.pushes += other.pushes
        self.possible += other.possible
        self.refused += other.refused

    @property
    def per_second(self) -> float:
        """Served requests per second."""
        return self.timely / self.seconds

    def percentile(self, percent: float) -> float:
        """Return the latency that so many percent did not exceed, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


def run(load: Load) -> Result:
    """Run *load* and return its result."""
    return uvloop.run(_Run(load).run())


def prepare() -> None:
    """Make all users before the first load."""
    population()


class _Run:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._idle: deque[Connection] = deque()
        self._asked = 0
        self._quiet = asyncio.Event()
        self._waiting: deque[float] = deque()
        self._result = Result()
        self._open = True

    async def run(self) -> Result:
        loop = asyncio.get_running_loop()
        for turn in range(self._load.connections):
            _, connection = await loop.create_connection(
                lambda: Connection(self._load.port, self._finish_call),
                "127.0.0.1",
                self._load.port,
                local_addr=(self._load.sources[turn % len(self._load.sources)], 0),
            )
            self._idle.append(connection)
        connections = list(self._idle)
        self._requests = self._load.requests(population(), self._load.seed)
        began = time.perf_counter()
        if self._load.rate:
            await self._pace(began, 1 / self._load.rate)
        else:
            began = await self._begin(began)
            await asyncio.sleep(began + self._load.seconds - time.perf_counter())
        self._open = False
        self._result.seconds = time.perf_counter() - began
        await self._end()
        for connection in connections:
            connection.close()
        return self._result

    async def _begin(self, began: float) -> float:
        """Let each connection ask; return the time since when answers come evenly."""
        gap = self._load.delay / self._load.connections
        for turn in range(self._load.connections):
            if (early := began + turn * gap - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            if self._idle:
                self._ask(time.perf_counter())
        self._result.timely = 0
        return time.perf_counter()

    async def _pace(self, began: float, gap: float) -> None:
        """Send at even intervals, whatever is still in flight: a slow server gets no less load."""
        for turn in range(int(self._load.seconds / gap)):
            due = began + turn * gap
            await asyncio.sleep(max(0, due - time.perf_counter()))  # late or not: answers have to be read
            self._waiting.append(due)
            if self._idle:
                self._ask(self._waiting.popleft())

    async def _end(self) -> None:
        """Wait for requests in flight; count what does not come as refused."""
        if self._asked or self._waiting:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), TIMEOUT_S)
        if late := self._asked + len(self._waiting):
            self._result.refused["too late"] += late

    def _ask(self, wanted_at: float) -> None:
        request = next(self._requests)
        asked_at = wanted_at if self._load.rate else time.perf_counter()  # not before it was signed
        self._asked += 1
        self._result.possible += request.pushes
        self._idle.popleft().ask(request, asked_at)

    def _finish_call(self, connection: Connection, status: int, body: bytes) -> None:
        if status == LOST and connection in self._idle:  # closed by the server, with nothing to answer
            self._idle.remove(connection)
            return
        self._asked -= 1
        if status == OK:
            self._result.latencies.append(time.perf_counter() - connection.asked_at)
            self._result.pushes += connection.request.pushes
            self._result.timely += self._open
        else:
            self._result.refused[f"{status} {body.decode(errors='replace')}"] += 1
        if status != LOST:
            self._idle.append(connection)
            self._ask_next()
        if not self._open and not self._asked:
            self._quiet.set()

    def _ask_next(self) -> None:
        if self._waiting:
            self._ask(self._waiting.popleft())
        elif self._open and not self._load.rate:
            self._ask(time.perf_counter())
