"""One benchmark round: crypto baseline, load, crypto baseline again."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from statistics import median

from bench.harness import crypto_baseline
from bench.harness.processes import Program, change_stub, count_pushes
from bench.load import load_generator
from bench.load.load_generator import Load, Requests, Result


class Failed(Exception):
    """The measurement is not valid."""


@dataclass(frozen=True, slots=True)
class Round:
    """Results of one round; times in seconds, memory in MB."""

    per_second: float
    p50: float
    p99: float
    served: int
    refused: int
    cpu: float  # of the server, per call
    baseline: float
    resident: float

    @property
    def ratio(self) -> float:
        """CPU per call, in crypto baselines."""
        return self.cpu / self.baseline

    @property
    def tail(self) -> float:
        """The 99th percentile, in medians."""
        return self.p99 / self.p50

    @property
    def refusals(self) -> float:
        """The share of all calls that was refused."""
        return self.refused / (self.served + self.refused)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: the medians of some rounds."""

    name: str
    rounds: Sequence[Round]

    def median(self, figure: str) -> float:
        """Return the median of a figure of `Round`."""
        figures: list[float] = [getattr(each, figure) for each in self.rounds]
        return median(figures)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest ratio."""
        ratios = [each.ratio for each in self.rounds]
        return min(ratios), max(ratios)


class Bench:
    """Benchmark runner: client processes that load servers which push to one stub."""

    def __init__(
        self, clients: ProcessPoolExecutor, processes: int, stub: Program, sources: Sequence[str]
    ) -> None:
        self._clients = clients
        self._processes = processes
        self._stub = stub
        self._sources = sources
        self._seeds = count()

    def load(
        self,
        server: Program,
        requests: Requests,
        connections: int,
        seconds: float,
        rate: float | None = None,
        delay: float = 0,
    ) -> Result:
        """Load *server*, while the push service answers after a *delay*.

        Raise `Failed` when no call was served, or one did not become the pushes that it should.
        """
        before = change_stub(self._stub, f"delay/{delay}")
        parts = min(self._processes, connections)
        loads = [
            Load(
                port=server.port,
                connections=connections // parts,
                seconds=seconds,
                requests=requests,
                seed=next(self._seeds),
                rate=rate / parts if rate else None,
                delay=delay,
                sources=self._sources,
            )
            for _ in range(parts)
        ]
        total = Result()
        for result in self._clients.map(load_generator.run, loads):
            total.seconds = max(total.seconds, result.seconds)
            total.include(result)
        _require_honest(total, count_pushes(self._stub) - before)
        return total


def measure_round(
    server: Program, load: Callable[[], Result], iterations: int = crypto_baseline.ITERATIONS
) -> Round:
    """Measure one round: the CPU of *server* during a *load* of it, between two crypto baselines."""
    baseline_before = crypto_baseline.measure(iterations)
    cpu_before = server.cpu()
    result = load()
    cpu = server.cpu() - cpu_before
    served = len(result.latencies)
    return Round(
        per_second=result.per_second,
        p50=result.percentile(50),
        p99=result.percentile(99),
        served=served,
        refused=result.refused.total(),
        cpu=cpu / served,
        baseline=(baseline_before + crypto_baseline.measure(iterations)) / 2,
        resident=server.memory(),
    )


@contextmanager
def clients(stub: Program, processes: int, sources: Sequence[str] = ("127.0.0.1",)) -> Iterator[Bench]:
    """Start the client processes, connecting from *sources*, which make their users meanwhile."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for _ in range(processes):
            pool.submit(load_generator.prepare)
        yield Bench(pool, processes, stub, sources)


def _require_honest(result: Result, pushes: int) -> None:
    if not result.latencies:
        raise Failed(f"no call was served: {_most(result.refused)}")
    if not result.pushes <= pushes <= result.possible:
        raise Failed(f"served calls had to become {result.pushes} pushes, {pushes} pushes arrived")


def _most(refused: Counter[str]) -> str:
    return "; ".join(f"{times} x {answer[:200]}" for answer, times in refused.most_common(3))
