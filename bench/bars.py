"""The bars: what a server may need at most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.cases import CROWDED, CROWDED_TABLE, TWO_WORKERS, USUAL, Case
from bench.measure import Row

# So much slower than whatever else does the same work is the server at most: it is twice as fast.
HALF = 0.5
FLAT = 1.05  # an allocator breathes


@dataclass(frozen=True, slots=True)
class Bar:
    """What was found, and the most that it may be."""

    name: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether it is no more than it may be."""
        return self.value <= self.limit


def bars(rows: Sequence[Row]) -> Iterator[Bar]:
    """Hold *rows* to every bar that they were measured for."""
    usual = named(rows, USUAL)
    yield Bar("CPU per call, in crypto floors, at 32", usual.median("ratio"), 3)
    yield Bar("p99, in p50s, at 32", usual.median("tail"), 2)
    for case, limit in ((CROWDED, 1.3), (CROWDED_TABLE, 1.1), (TWO_WORKERS, 1.05)):
        if case.name in [row.name for row in rows]:
            cpu = relative(named(rows, case), usual)
            yield Bar(f"CPU per call: {case.name}, over {usual.name}", cpu, limit)
    largest = max(rows, key=lambda row: row.rounds[-1].resident)
    first, last = largest.rounds[0].resident, largest.rounds[-1].resident
    yield Bar("MB that the largest worker holds", last, 120)
    if len(largest.rounds) > 1:
        yield Bar("its memory after the last round, over the first", last / first, FLAT)
    yield Bar("calls refused", sum(each.refused for row in rows for each in row.rounds), 0)


def peers_bars(ours: Row, peers: Sequence[Row]) -> Iterator[Bar]:
    """Hold our row to those of the others."""
    for peer in peers:
        yield Bar(f"CPU per call: {ours.name}, over {peer.name}", relative(ours, peer), HALF)


def named(rows: Sequence[Row], case: Case) -> Row:
    """Return the row of a case."""
    return next(row for row in rows if row.name == case.name)


def relative(row: Row, other: Row) -> float:
    """Return the CPU per call of a row over another's: of each round, seconds apart, then the median."""
    return median(one.cpu / two.cpu for one, two in zip(row.rounds, other.rounds, strict=True))
