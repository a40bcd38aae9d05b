"""Prometheus metrics, of all workers of a server together."""

import os
from collections.abc import Iterable
from typing import Literal, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from app.protocol.messages import METHODS
from app.push.endpoint_policy import SERVICES
from app.push.outcome import Attempt
from app.telemetry.buffered_metrics import (
    BufferedCounter,
    BufferedGauge,
    BufferedHistogram,
    Publishable,
    SeriesOf,
)

# Where the library looks for the directory in which workers count together: `whisper serve` names one.
SHARED = "PROMETHEUS_MULTIPROC_DIR"

OK = "ok"

DATABASE = "database"  # what holds a call that is with no push service

# A call waits 10 s for a push service at most, a statement 3 s for the database.
_CALL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 8, 10)
_STATEMENT_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 3)

# Redis has 100 ms.
_REDIS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)

# Statuses told one by one; a push service that a stranger runs may answer any other, told by its hundred.
_STATUSES = frozenset({200, 201, 202, 204, 400, 401, 403, 404, 406, 410, 413, 429, 500, 502, 503, 504, 507})


class _Definition(NamedTuple):
    help: str
    labels: tuple[str, ...] = ()


class _HistogramDefinition(NamedTuple):
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]


class _GaugeDefinition(NamedTuple):
    help: str
    labels: tuple[str, ...]
    merge: Literal["livemax", "livesum", "max"]  # what the values of several workers make together


_COUNTERS = {
    "whisper_calls": _Definition("Calls, by how they ended.", ("method", "outcome")),
    "whisper_push": _Definition("Messages sent to push services.", ("service", "status")),
    "whisper_limit_hits": _Definition("Calls refused by a limit.", ("limit",)),
    "whisper_refused_connections": _Definition("Connections closed for what came.", ("code",)),
    "whisper_purged_rows": _Definition("Expired registrations deleted."),
}
_HISTOGRAMS = {
    "whisper_call_duration_seconds": _HistogramDefinition(
        "From a call's head to the end of its answer.", ("method",), _CALL_S
    ),
    "whisper_push_duration_seconds": _HistogramDefinition(
        "From a message to its push service's answer, each attempt for itself.", ("service",), _CALL_S
    ),
    "whisper_database_seconds": _HistogramDefinition(
        "For a statement, with the wait for a connection.", ("statement",), _STATEMENT_S
    ),
    "whisper_shared_limits_seconds": _HistogramDefinition(
        "For the answer of Redis about a call's limits.", ("outcome",), _REDIS_S
    ),
}
_GAUGES = {
    "whisper_vapid_token_age_seconds": _GaugeDefinition(
        "How old the VAPID token of the latest push was.", ("service",), "livemax"
    ),
    "whisper_in_flight": _GaugeDefinition(
        "Calls being carried now, by what holds them.", ("held_by",), "livesum"
    ),
    "whisper_in_flight_limit": _GaugeDefinition("Calls that may be carried at once.", (), "livesum"),
    "whisper_untrusted_proxy": _GaugeDefinition(
        "1 if all requests come through a proxy that is not trusted.", (), "livemax"
    ),
    "whisper_purge_timestamp_seconds": _GaugeDefinition("When this server last purged.", (), "max"),
    "whisper_build_info": _GaugeDefinition("The version that runs.", ("version",), "max"),
}


def omit_created_series() -> None:
    """Leave out when each series began: it is of no use here, and doubles their number.

    It holds for the whole process, so only a program may call it.
    """
    disable_created_metrics()


class Metrics:
    """Metrics of one process, with *limits* that may be hit. No label is made from what a client sent."""

    def __init__(self, version: str, max_in_flight: int, limits: Iterable[str] = ()) -> None:
        self._registry = CollectorRegistry()
        self._counters = {
            name: SeriesOf(Counter(name, *defined, registry=self._registry), BufferedCounter)
            for name, defined in _COUNTERS.items()
        }
        self._histograms = {
            name: SeriesOf(
                Histogram(name, help_, labels, registry=self._registry, buckets=buckets), BufferedHistogram
            )
            for name, (help_, labels, buckets) in _HISTOGRAMS.items()
        }
        self._gauges = {
            name: Gauge(name, help_, labels, registry=self._registry, multiprocess_mode=merge)
            for name, (help_, labels, merge) in _GAUGES.items()
        }
        self._token_ages: dict[str, int] = {}
        self._in_flight = SeriesOf(self._gauges["whisper_in_flight"], BufferedGauge)
        for holder in (DATABASE, *SERVICES):
            self._in_flight[holder,].value = 0
        self._gauges["whisper_in_flight_limit"].set(max_in_flight)
        self._gauges["whisper_build_info"].labels(version).set(1)
        for method in METHODS:  # a rate needs a beginning
            self._counters["whisper_calls"][method, OK].pending = 0
        for limit in limits:
            self._counters["whisper_limit_hits"][limit,].pending = 0

    def move_in_flight(self, left: str | None, taken: str | None) -> str | None:
        """Count a call in flight no more for *left* but for *taken*, what holds it now; return that."""
        if left:
            self._in_flight[left,].value -= 1
        if taken:
            self._in_flight[taken,].value += 1
        return taken

    def record_call(self, method: str, outcome: str, seconds: float) -> None:
        """Count a call that ended in *outcome*: `ok` or a refusal's code."""
        self._counters["whisper_calls"][method, outcome].pending += 1
        self._histograms["whisper_call_duration_seconds"][method,].observe(seconds)

    def record_push(self, attempt: Attempt) -> None:
        """Count a message that was sent, or could not be."""
        self._counters["whisper_push"][attempt.service, _status(attempt)].pending += 1
        self._histograms["whisper_push_duration_seconds"][attempt.service,].observe(attempt.seconds)
        if self._token_ages.get(attempt.service) != attempt.token_age:  # once a second, not for each message
            self._token_ages[attempt.service] = attempt.token_age
            age = self._gauges["whisper_vapid_token_age_seconds"].labels(attempt.service)
            age.set(attempt.token_age)

    def record_statement(self, name: str, seconds: float) -> None:
        """Count a statement of the database."""
        self._histograms["whisper_database_seconds"][name,].observe(seconds)

    def record_limit(self, name: str) -> None:
        """Count a call that was refused by this limit."""
        self._counters["whisper_limit_hits"][name,].pending += 1

    def record_redis(self, outcome: str, seconds: float) -> None:
        """Count a question to Redis: `ok`, or `failed` when this server had to count alone."""
        self._histograms["whisper_shared_limits_seconds"][outcome,].observe(seconds)

    def record_untrusted_proxy(self) -> None:
        """Note that all requests come through a proxy that is not trusted."""
        self._gauges["whisper_untrusted_proxy"].set(1)

    def record_purge(self, rows: int) -> None:
        """Count a purge that deleted so many *rows*."""
        self._counters["whisper_purged_rows"][()].pending += rows
        self._gauges["whisper_purge_timestamp_seconds"].set_to_current_time()

    def record_refused_connection(self, code: str) -> None:
        """Count a connection that was closed for what came on it."""
        self._counters["whisper_refused_connections"][code,].pending += 1

    def expect_refused_connections(self, codes: Iterable[str]) -> None:
        """Begin to count connections that are closed with these *codes*: a rate needs a beginning."""
        for code in codes:
            self._counters["whisper_refused_connections"][code,].pending = 0

    def publish(self) -> None:
        """Hand over to prometheus-client what was counted since."""
        buffered: list[Publishable] = [*self._counters.values(), *self._histograms.values(), self._in_flight]
        for series in buffered:
            series.publish()

    def exposition(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        self.publish()
        shared = os.environ.get(SHARED)
        if shared is None:
            return generate_latest(self._registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged, shared)
        return generate_latest(merged)


def forget_process(pid: int) -> None:
    """Drop what only a living worker has, like its calls in flight: *pid* has died."""
    shared = os.environ.get(SHARED)
    if shared is not None:
        mark_process_dead(pid, shared)


def _status(attempt: Attempt) -> str:
    status = attempt.outcome.status
    if status is None:
        return attempt.outcome.delivery.name.lower()
    return str(status) if status in _STATUSES else f"{status // 100}xx"
