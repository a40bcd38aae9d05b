"""What an operator can measure: Prometheus metrics, of all workers of a server together."""

import os
from pathlib import Path
from typing import Generic, TypeVar

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
from app.push.outcome import Attempt

# Where the library looks for the directory in which workers count together: `whisper serve` names one.
SHARED = "PROMETHEUS_MULTIPROC_DIR"

OK = "ok"

# A call waits 10 s for a push service at most, a statement 3 s for the database.
_CALL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 8, 10)
_STATEMENT_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 3)

# Redis has 100 ms.
_SHARED_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)

# Statuses told one by one; a push service that a stranger runs may answer any other, told by its hundred.
_STATUSES = frozenset({200, 201, 202, 204, 400, 401, 403, 404, 406, 410, 413, 429, 500, 502, 503, 504, 507})

M = TypeVar("M", Counter, Gauge, Histogram)


def omit_created_series() -> None:
    """Leave out when each series began: it is of no use here, and doubles their number.

    It holds for the whole process, so only a program may call it.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]


class _Children(dict[tuple[str, ...], M], Generic[M]):
    """The children of a metric by their labels, resolved once."""

    def __init__(self, metric: M) -> None:
        super().__init__()
        self._metric: M = metric

    def __missing__(self, labels: tuple[str, ...]) -> M:
        child: M = self._metric.labels(*labels)
        self[labels] = child
        return child


class Metrics:
    """The metrics of one process. No label is ever made from what somebody sent."""

    def __init__(self, version: str, max_in_flight: int) -> None:
        own = self._registry = CollectorRegistry()
        calls = Counter("whisper_calls", "Calls, by how they ended.", ["method", "outcome"], registry=own)
        self._calls = _Children(calls)
        self._call_seconds = _Children(
            Histogram(
                "whisper_call_duration_seconds",
                "From a call's head to the end of its answer.",
                ["method"],
                registry=own,
                buckets=_CALL_S,
            )
        )
        self._pushes = _Children(
            Counter("whisper_push", "Messages sent to push services.", ["service", "status"], registry=own)
        )
        self._push_seconds = _Children(
            Histogram(
                "whisper_push_duration_seconds",
                "From a message to its push service's answer, each attempt for itself.",
                ["service"],
                registry=own,
                buckets=_CALL_S,
            )
        )
        self._statements = _Children(
            Histogram(
                "whisper_database_seconds",
                "For a statement, with the wait for a connection.",
                ["statement"],
                registry=own,
                buckets=_STATEMENT_S,
            )
        )
        self._limits = _Children(
            Counter("whisper_limit_hits", "Calls refused by a limit.", ["limit"], registry=own)
        )
        self._shared_limits = _Children(
            Histogram(
                "whisper_shared_limits_seconds",
                "For the answer of Redis about a call's limits.",
                ["outcome"],
                registry=own,
                buckets=_SHARED_S,
            )
        )
        self._connections = _Children(
            Counter(
                "whisper_refused_connections", "Connections closed for what came.", ["code"], registry=own
            )
        )
        self._token_age = _Children(
            Gauge(
                "whisper_vapid_token_age_seconds",
                "How old the VAPID token of the latest push was.",
                ["service"],
                registry=own,
                multiprocess_mode="livemax",
            )
        )
        self._ages: dict[str, int] = {}
        self.in_flight = Gauge(
            "whisper_in_flight", "Calls being carried now.", registry=own, multiprocess_mode="livesum"
        )
        self._purged = Counter("whisper_purged_rows", "Expired registrations deleted.", registry=own)
        self._purged_at = Gauge(
            "whisper_purge_timestamp_seconds",
            "When this server last purged.",
            registry=own,
            multiprocess_mode="max",
        )
        Gauge(
            "whisper_in_flight_limit",
            "Calls that may be carried at once.",
            registry=own,
            multiprocess_mode="livesum",
        ).set(max_in_flight)
        Gauge(
            "whisper_build_info", "The version that runs.", ["version"], registry=own, multiprocess_mode="max"
        ).labels(version).set(1)
        for method in METHODS:  # a rate needs a beginning
            self._calls[method, OK].inc(0)

    def call(self, method: str, outcome: str, seconds: float) -> None:
        """Count a call that ended in *outcome*: `ok` or a refusal's code."""
        self._calls[method, outcome].inc()
        self._call_seconds[method,].observe(seconds)

    def push(self, attempt: Attempt) -> None:
        """Count a message that was sent, or could not be."""
        self._pushes[attempt.service, _status(attempt)].inc()
        self._push_seconds[attempt.service,].observe(attempt.seconds)
        if self._ages.get(attempt.service) != attempt.token_age:  # once a second, not for each message
            self._ages[attempt.service] = attempt.token_age
            self._token_age[attempt.service,].set(attempt.token_age)

    def statement(self, name: str, seconds: float) -> None:
        """Count a statement."""
        self._statements[name,].observe(seconds)

    def limit(self, name: str) -> None:
        """Count a call that was refused by this limit."""
        self._limits[name,].inc()

    def shared_limits(self, outcome: str, seconds: float) -> None:
        """Count a question to Redis: `ok`, or `failed` when this server had to count alone."""
        self._shared_limits[outcome,].observe(seconds)

    def purge(self, rows: int) -> None:
        """Count a purge that deleted so many *rows*."""
        self._purged.inc(rows)
        self._purged_at.set_to_current_time()

    def refused_connection(self, code: str) -> None:
        """Count a connection that was closed for what came on it."""
        self._connections[code,].inc()

    def exposition(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        shared = os.environ.get(SHARED)
        if shared is None:
            return generate_latest(self._registry)
        _bury_the_dead(Path(shared))
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, shared)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)


def _status(attempt: Attempt) -> str:
    status = attempt.outcome.status
    if status is None:
        return attempt.outcome.delivery.name.lower()
    return str(status) if status in _STATUSES else f"{status // 100}xx"


def _bury_the_dead(shared: Path) -> None:
    """Forget what only a living worker has: one that was killed carries no calls."""
    for file in shared.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, str(shared))  # type: ignore[no-untyped-call]
