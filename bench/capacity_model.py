"""Capacity model beyond one machine: `python -m bench.capacity_model`, from 10^4 to 10^8 people.

It takes what was measured (`--measured FILE`, which `make bench ARGS="--json FILE"` wrote; without it the
figures of `Measured`) and assumptions, all of them options. `--check` runs three instances behind PgBouncer
here, and compares them with what the model predicts from one.
"""

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from bench.harness import capacity_model_check, report
from bench.harness.cases import NEW, RENEWED, USUAL

SIZES = [10**power for power in range(4, 9)]
DAY_S = 86_400
MONTH_HOURS = 730
GB = 1e9


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures that a command printed, for one worker; times in seconds of CPU, memory in MB."""

    call: float = 274e-6  # make bench: closed loop, 32
    new: float = 217e-6  # make bench: new registrations, 32
    renewal: float = 201e-6  # make bench: renewals, 32
    memory: float = 128  # make bench: the largest worker
    row_bytes: float = 1160  # bench.storage_cost: a device and its newest subscription, after renewals
    wal_bytes: float = 19_000  # bench.storage_cost: an update whose pages no checkpoint has seen
    statement: float = (
        121e-6  # python -m bench.capacity_model --check: Postgres, for a look-up or an update's part
    )


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Assumptions about people, push services, machines and prices; each is an option."""

    connections: float = 1  # of a person and day
    calls: float = 4  # of a connection: dial, offer, answer, close
    updates: float = 4  # of a person and day, at each start of the app
    new: float = 0.01  # of all updates, first ones
    devices: float = 1.3  # of a person
    device_share: float = 0.45  # of a call's cost, for each device but the first
    peak: float = 4  # the busiest hour over the mean
    latency: float = 0.1  # seconds until a push service answers
    load: float = 0.5  # of a core in the busiest hour, so that calls are not queued
    cores: float = 8  # of a machine
    bytes_per_call: float = 10_000  # a request and a push with headers and TLS
    statements_per_update: float = 2
    lookups_per_statement: float = 4  # look-ups that one statement of a loaded worker answers
    shard_writes: float = 2_000  # updates a second that one Postgres stores
    shard_gb: float = 200  # of rows that one Postgres holds, so that its indexes stay in memory
    core_price: float = 0.04  # an hour
    memory_price: float = 0.005  # a GB and hour
    disk_price: float = 0.1  # a GB and month
    traffic_price: float = 0.05  # a GB that is sent


@dataclass(frozen=True, slots=True)
class Plan:
    """Capacity that so many people need in their busiest hour."""

    calls: float  # a second
    pushes: float
    updates: float
    cores: int  # each one worker
    machines: int
    push_connections: int
    database_connections: int  # of all workers, to PgBouncer
    statements: float  # a second
    sessions: int  # of Postgres, behind PgBouncer
    rows: float  # devices
    gigabytes: float
    wal: float  # GB a day, at the worst
    shards: int
    money: float  # a month


def plan(people: float, measured: Measured, given: Assumptions) -> Plan:
    """Return what so many *people* need."""
    calls = people * given.connections * given.calls / DAY_S * given.peak
    updates = people * given.updates / DAY_S * given.peak
    busy = calls * call_cpu(measured, given) + updates * update_cpu(measured, given)
    cores = max(2, math.ceil(busy / given.load))  # two, to restart one
    pushes = calls * given.devices
    statements = calls / given.lookups_per_statement + updates * given.statements_per_update
    gigabytes = people * given.devices * measured.row_bytes / GB
    shards = max(math.ceil(updates / given.shard_writes), math.ceil(gigabytes / given.shard_gb))
    database_cores = shards + math.ceil(statements * measured.statement / given.load)
    sent = people * given.connections * given.calls * given.devices * given.bytes_per_call / GB
    result = Plan(
        calls=calls,
        pushes=pushes,
        updates=updates,
        cores=cores,
        machines=max(2, math.ceil(cores / given.cores)),
        push_connections=math.ceil(pushes * given.latency),
        database_connections=cores * capacity_model_check.SESSIONS_OF_A_WORKER,
        statements=statements,
        sessions=max(2, math.ceil(2 * database_cores)),
        rows=people * given.devices,
        gigabytes=gigabytes,
        wal=people * given.updates * measured.wal_bytes / GB,
        shards=shards,
        money=0,
    )
    return replace(result, money=_price(result, database_cores, sent, measured, given))


def call_cpu(measured: Measured, given: Assumptions) -> float:
    """Return the seconds of CPU for a call to all devices of a person."""
    return measured.call * (1 + (given.devices - 1) * given.device_share)


def update_cpu(measured: Measured, given: Assumptions) -> float:
    """Return the seconds of CPU for an update, of the usual mix."""
    return given.new * measured.new + (1 - given.new) * measured.renewal


def _price(found: Plan, database_cores: int, sent: float, measured: Measured, given: Assumptions) -> float:
    """Return the price of a month: instances, and each database with a replica; the mean day's traffic."""
    cores = found.cores + 2 * database_cores
    memory = found.cores * measured.memory / 1000 + 2 * found.gigabytes
    disk = 2 * (2 * found.gigabytes + found.wal)  # twice for vacuum, and a day of the log
    hours = MONTH_HOURS * (cores * given.core_price + memory * given.memory_price)
    return hours + disk * given.disk_price + 30 * sent * given.traffic_price


def read_measured(file: Path) -> Measured:
    """Return the figures of a report of `make bench`; what it does not have keeps its default."""
    rows: Mapping[str, Any] = report.read(file)["rows"]
    found = {
        name: rows[case.name]["cpu"]
        for name, case in (("call", USUAL), ("new", NEW), ("renewal", RENEWED))
        if case.name in rows
    }
    return replace(Measured(), **found, memory=max(each["resident"] for each in rows.values()))


def table(plans: Mapping[int, Plan]) -> str:
    """Return a row for each figure, and a column for each number of people."""
    lines = ["people".ljust(24) + "".join(f"{people:>14,}" for people in plans)]
    for field in fields(Plan):
        values = [getattr(each, field.name) for each in plans.values()]
        lines.append(_LABELS[field.name].ljust(24) + "".join(f"{_format(value):>14}" for value in values))
    return "\n".join(lines)


_LABELS = {
    "calls": "calls/s, busiest hour",
    "pushes": "pushes/s",
    "updates": "updates/s",
    "cores": "workers, a core each",
    "machines": "machines",
    "push_connections": "pushes on their way",
    "database_connections": "connections to PgBouncer",
    "statements": "statements/s",
    "sessions": "sessions of Postgres",
    "rows": "rows, one a device",
    "gigabytes": "GB of rows",
    "wal": "GB of log a day, at most",
    "shards": "database shards",
    "money": "a month, in dollars",
}


def _format(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"  # noqa: PLR2004


def main() -> None:
    """Print the table, or check the model."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity_model", description=__doc__)
    parser.add_argument("--measured", type=Path, metavar="FILE", help="a report of make bench")
    parser.add_argument("--check", action="store_true", help="compare with three instances here")
    parser.add_argument("--people", type=int, nargs="+", default=SIZES)
    for each in fields(Assumptions):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=float, default=each.default)
    options = parser.parse_args()
    if options.check:
        raise SystemExit(capacity_model_check.main())
    measured = read_measured(options.measured) if options.measured else Measured()
    given = Assumptions(**{each.name: getattr(options, each.name) for each in fields(Assumptions)})
    for title, values in (("measured", measured), ("assumed", given)):
        print(
            f"{title}:", ", ".join(f"{each.name} {getattr(values, each.name):g}" for each in fields(values))
        )
    print(f"\n{table({people: plan(people, measured, given) for people in options.people})}")


if __name__ == "__main__":
    main()
