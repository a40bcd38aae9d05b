"""Buffered metrics: the same figures as prometheus-client's own, handed over together."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.telemetry.buffered_metrics import (
    BufferedCounter,
    BufferedGauge,
    BufferedHistogram,
    SeriesOf,
    run_publisher,
)

BUCKETS = (0.1, 1.0)


def shown(registry: CollectorRegistry) -> list[str]:
    """Return what Prometheus reads, without the times at which series were made."""
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if not line.startswith("#") and "_created" not in line]


def test_a_histogram_is_that_of_the_library() -> None:
    """A contract with prometheus-client, whose buckets and sum are written as its own `observe` does."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    buffered = BufferedHistogram(Histogram("h", "h", buckets=BUCKETS, registry=ours))
    direct = Histogram("h", "h", buckets=BUCKETS, registry=theirs)

    for value in (0.05, 0.1, 0.5, 1.0, 7.0):
        buffered.observe(value)
        direct.observe(value)
    buffered.publish()

    assert shown(ours) == shown(theirs)


def test_nothing_is_handed_over_twice() -> None:
    """Neither counts nor values, however often they are published."""
    registry = CollectorRegistry()
    counter = BufferedCounter(Counter("c", "c", registry=registry))
    gauge = BufferedGauge(Gauge("g", "g", registry=registry))
    histogram = BufferedHistogram(Histogram("h", "h", buckets=BUCKETS, registry=registry))
    counter.pending += 3
    gauge.value = 2
    histogram.observe(0.5)

    for _ in range(2):
        for each in (counter, gauge, histogram):
            each.publish()

    values = dict(line.rsplit(" ", 1) for line in shown(registry))
    assert (values["c_total"], values["g"], values["h_count"], values["h_sum"]) == (
        "3.0",
        "2.0",
        "1.0",
        "0.5",
    )


@pytest.mark.anyio
async def test_what_is_held_back_is_handed_over_at_the_end() -> None:
    """Also when the publisher had no time for it."""
    registry = CollectorRegistry()
    series = SeriesOf(Counter("c", "c", ["code"], registry=registry), BufferedCounter)

    async with run_publisher(series, every=3600):
        series["ok",].pending += 1
        before = shown(registry)

    assert [before, shown(registry)] == [['c_total{code="ok"} 0.0'], ['c_total{code="ok"} 1.0']]
