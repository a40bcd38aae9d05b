"""Thresholds: the most that a measured value may be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.cases import CROWDED, CROWDED_TABLE, TWO_WORKERS, USUAL, Case
from bench.measure import Row

# CPU per call, over that of another server that does the same work: at most half of any but these.
HALF = 0.5
BARS = {"Go + pgx": 1.25, "Go + pq": 1.5, "fastify + web-push + pg": 0.42}
FLAT = 1.05  # allocators grow and shrink a little


@dataclass(frozen=True, slots=True)
class Threshold:
    """A measured value and its limit."""

    name: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the value is within the limit."""
        return self.value <= self.limit


def check(rows: Sequence[Row]) -> Iterator[Threshold]:
    """Compare *rows* with every threshold that they were measured for."""
    usual = find_row(rows, USUAL)
    yield Threshold("CPU per call, in crypto baselines, at 32", usual.median("ratio"), 3)
    yield Threshold("p99, in p50s, at 32", usual.median("tail"), 2)
    for case, limit in ((CROWDED, 1.3), (CROWDED_TABLE, 1.1), (TWO_WORKERS, 1.05)):
        if case.name in [row.name for row in rows]:
            cpu = relative_cpu(find_row(rows, case), usual)
            yield Threshold(f"CPU per call: {case.name}, over {usual.name}", cpu, limit)
    largest = max(rows, key=lambda row: row.rounds[-1].resident)
    first, last = largest.rounds[0].resident, largest.rounds[-1].resident
    yield Threshold("MB that the largest worker holds", last, 120)
    if len(largest.rounds) > 1:
        yield Threshold("its memory after the last round, over the first", last / first, FLAT)
    yield Threshold("calls refused", sum(each.refused for row in rows for each in row.rounds), 0)


def check_peers(ours: Row, peers: Sequence[Row]) -> Iterator[Threshold]:
    """Compare our row with those of the other servers."""
    for peer in peers:
        yield Threshold(
            f"CPU per call: {ours.name}, over {peer.name}",
            relative_cpu(ours, peer),
            BARS.get(peer.name, HALF),
        )


def find_row(rows: Sequence[Row], case: Case) -> Row:
    """Return the row of a case."""
    return next(row for row in rows if row.name == case.name)


def relative_cpu(row: Row, other: Row) -> float:
    """Return the CPU per call of a row over another's: the median of the ratios of each round."""
    return median(one.cpu / two.cpu for one, two in zip(row.rounds, other.rounds, strict=True))
