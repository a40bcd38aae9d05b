"""Buffered metrics: counted in plain numbers, and handed to prometheus-client in one go.

A call counts a dozen times: each time the library takes a lock, and with several workers writes to a file.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

# Counts are held back for so long: workers read each other's.
PUBLISH_EVERY_S = 0.25


class BufferedCounter:
    """A counter's series."""

    __slots__ = ("_series", "pending")

    def __init__(self, series: Counter) -> None:
        self._series = series
        self.pending = 0  # what was counted since it was handed over

    def publish(self) -> None:
        """Hand over what was counted since."""
        if self.pending:
            self._series.inc(self.pending)
            self.pending = 0


class BufferedGauge:
    """A gauge's series that goes up and down."""

    __slots__ = ("_published", "_series", "value")

    def __init__(self, series: Gauge) -> None:
        self._series = series
        self.value = 0
        self._published: int | None = None

    def publish(self) -> None:
        """Hand over the present value."""
        if self.value != self._published:
            self._series.set(self.value)
            self._published = self.value


class BufferedHistogram:
    """A histogram's series."""

    __slots__ = ("_counts", "_pending", "_series", "_sum", "_upper_bounds")

    def __init__(self, series: Histogram) -> None:
        self._series = series
        self._upper_bounds: list[float] = series._upper_bounds  # noqa: SLF001 - as its own `observe` does
        self._counts = [0] * len(self._upper_bounds)
        self._sum = 0.0
        self._pending = False

    def observe(self, value: float) -> None:
        """Count *value*."""
        self._counts[bisect_left(self._upper_bounds, value)] += 1
        self._sum += value
        self._pending = True

    def publish(self) -> None:
        """Hand over what was observed since."""
        if not self._pending:
            return
        self._series._sum.inc(self._sum)  # noqa: SLF001 - as its own `observe` does, many values at once
        for bucket, count in zip(self._series._buckets, self._counts, strict=True):  # noqa: SLF001 - the same
            if count:
                bucket.inc(count)
        self._counts = [0] * len(self._counts)
        self._sum, self._pending = 0.0, False


class Publishable(Protocol):
    """A series that hands over what it holds back."""

    def publish(self) -> None:
        """Hand it over."""


B = TypeVar("B", bound=Publishable)
M = TypeVar("M", bound=MetricWrapperBase)


class SeriesOf(dict[tuple[str, ...], B], Generic[M, B]):
    """Buffered series of a *metric* by the values of its labels, each made once."""

    def __init__(self, metric: M, buffer: Callable[[M], B]) -> None:
        super().__init__()
        self._metric: M = metric
        self._buffer = buffer

    def __missing__(self, labels: tuple[str, ...]) -> B:
        series: M = self._metric.labels(*labels) if labels else self._metric
        self[labels] = buffered = self._buffer(series)
        return buffered

    def publish(self) -> None:
        """Hand over what all of them hold back."""
        for each in self.values():
            each.publish()


@asynccontextmanager
async def run_publisher(metrics: Publishable, every: float = PUBLISH_EVERY_S) -> AsyncIterator[None]:
    """Publish *every* so many seconds, until the block ends, and then once more."""
    task = asyncio.create_task(_publish_forever(metrics, every))
    try:
        yield
    finally:
        task.cancel()
        metrics.publish()


async def _publish_forever(metrics: Publishable, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        metrics.publish()
