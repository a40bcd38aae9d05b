"""Thresholds: the most, or the least, that a measured value may be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median

from bench.harness.cases import (
    CROWDED,
    CROWDED_DEVICES,
    CROWDED_TABLE,
    DEVICES,
    FAR,
    NEAR,
    NEAR_CROWDED,
    NEW,
    RENEWED,
    TWO_WORKERS,
    USUAL,
    Case,
)
from bench.harness.measure import Row

# CPU per call, over that of another server that does the same work: at most half of any but these.
HALF = 0.5
BARS = {"Go + pgx": 1.25, "Go + pq": 1.5, "fastify + web-push + pg": 0.42}
# CPU per call of one case over another's. Of three devices, each but the first costs at most 0.45 of a call:
# an encryption and a POST.
CPU = (
    (CROWDED, USUAL, 1.3),
    (CROWDED_TABLE, USUAL, 1.1),
    (TWO_WORKERS, USUAL, 1.1),
    (DEVICES, USUAL, 1 + 2 * 0.45),
    (CROWDED_DEVICES, DEVICES, 1.1),
)
# Calls a second of one case over another's, at least: those that the CPU carries, not the distance.
CARRIED = ((NEAR, CROWDED, 0.8), (NEAR_CROWDED, CROWDED, 0.6))
FAR_PER_SECOND = 450  # of 512 that the distance allows
REGISTRATION = 3  # floors
OTHER_HOSTS = 2  # p99 beside a slow push service, over that without
OVERLOADED = 0.9  # of the peak, when twice as much is offered
REFUSAL = 0.3  # crypto baselines
FLAT = 1.05  # allocators grow and shrink a little


@dataclass(frozen=True, slots=True)
class Threshold:
    """A measured value and its limit."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the value is within the limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def check(rows: Sequence[Row]) -> Iterator[Threshold]:
    """Compare *rows* with every threshold that they were measured for."""
    usual = find_row(rows, USUAL)
    yield Threshold("CPU per call, in crypto baselines, at 32", usual.median("ratio"), 2)
    yield Threshold("p99, in p50s, at 32", usual.median("tail"), 2)
    names = [row.name for row in rows]
    for case, other, limit in CPU:
        if case.name in names:
            cpu = relative_cpu(find_row(rows, case), find_row(rows, other))
            yield Threshold(f"CPU per call: {case.name}, over {other.name}", cpu, limit)
    for case, other, limit in CARRIED:
        if case.name in names:
            # So many connections carry no more than this, whatever the CPU would.
            most = case.connections / case.delay
            carried = relative_rate(find_row(rows, case), find_row(rows, other), most)
            name = f"calls/s: {case.name}, over {other.name} or {most:.0f}"
            yield Threshold(name, carried, limit, at_least=True)
    if FAR.name in names:
        far = find_row(rows, FAR).median("per_second")
        yield Threshold(f"calls/s: {FAR.name}", far, FAR_PER_SECOND, at_least=True)
    largest = max(rows, key=lambda row: row.rounds[-1].resident)
    first, last = largest.rounds[0].resident, largest.rounds[-1].resident
    yield Threshold("MB that the largest worker holds", last, 130)
    if len(largest.rounds) > 1:
        yield Threshold("its memory after the last round, over the first", last / first, FLAT)
    yield Threshold("calls refused", sum(each.refused for row in rows for each in row.rounds), 0)


def check_registrations(rows: Sequence[Row], floor: float) -> Iterator[Threshold]:
    """Compare the cost of registrations with their *floor*, in seconds of CPU."""
    for case in (NEW, RENEWED):
        cpu = find_row(rows, case).median("cpu")
        yield Threshold(f"CPU per registration, in floors: {case.name}", cpu / floor, REGISTRATION)


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


def relative_rate(row: Row, other: Row, most: float = inf) -> float:
    """Return the calls a second of a row over another's, or *most* of those: the median of each round's."""
    rounds = zip(row.rounds, other.rounds, strict=True)
    return median(one.per_second / min(two.per_second, most) if two.per_second else 0 for one, two in rounds)
