"""Benchmark cases: the server and its load; each is one row of the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bench.load.load_generator import Requests
from bench.load.workload import calls, calls_to_devices, new_registrations, renewals

MANY_ROWS = 1_000_000

# Whisper with one worker; with two; with one, and a million rows, of people with three devices each.
Server = Literal["one worker", "two workers", "10^6 rows"]


# What is asked for.
Work = Literal["calls", "calls to devices", "new registrations", "renewals"]


@dataclass(frozen=True, slots=True)
class Case:
    """A load of *connections* with one call in flight each, or of *rate* calls a second over them.

    The push service answers after *delay* seconds.
    """

    name: str
    connections: int
    server: Server = "one worker"
    rate: float | None = None
    delay: float = 0
    work: Work = "calls"


ALONE = Case("closed loop, 1", 1)
USUAL = Case("closed loop, 32", 32)
CROWDED = Case("closed loop, 256", 256)
TWO_WORKERS = Case("two workers, 64", 64, "two workers")  # 32 for each
CROWDED_TABLE = Case("10^6 rows, 32", 32, "10^6 rows")
DEVICES = Case("three devices, 32", 32, work="calls to devices")
CROWDED_DEVICES = Case("10^6 rows, three devices, 32", 32, "10^6 rows", work="calls to devices")
NEW = Case("new registrations, 32", 32, work="new registrations")
RENEWED = Case("renewals, 32", 32, work="renewals")

# At real distance: a call occupies a connection for as long as the push service takes to answer.
NEAR = Case("push in 100 ms, 256", 256, delay=0.1)
NEAR_CROWDED = Case("push in 100 ms, 512", 512, delay=0.1)
FAR = Case("push in 1 s, 512", 512, delay=1)

# In this order in each round: what is compared is measured within seconds, under the same conditions.
CASES = (
    ALONE,
    CROWDED,
    NEAR,
    NEAR_CROWDED,
    FAR,
    CROWDED_TABLE,
    USUAL,
    DEVICES,
    CROWDED_DEVICES,
    TWO_WORKERS,
    NEW,
    RENEWED,
    *(Case(f"open loop, {rate}/s", 256, rate=rate) for rate in (250, 500, 1000)),
)


def make_works(origin: str) -> Mapping[Work, Requests]:
    """Return what makes the requests, of people registered at *origin*."""
    return {
        "calls": calls,
        "calls to devices": calls_to_devices,
        "new registrations": partial(new_registrations, origin),
        "renewals": partial(renewals, origin),
    }
