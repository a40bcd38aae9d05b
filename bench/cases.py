"""Benchmark cases: the server and its load; each is one row of the table."""

from dataclasses import dataclass
from typing import Literal

MANY_ROWS = 1_000_000

# Whisper with one worker; with two; with one, and a million rows.
Server = Literal["one worker", "two workers", "10^6 rows"]


@dataclass(frozen=True, slots=True)
class Case:
    """A load of *connections* with one call in flight each, or of *rate* calls a second over them."""

    name: str
    connections: int
    server: Server = "one worker"
    rate: float | None = None


ALONE = Case("closed loop, 1", 1)
USUAL = Case("closed loop, 32", 32)
CROWDED = Case("closed loop, 256", 256)
TWO_WORKERS = Case("two workers, 64", 64, "two workers")  # 32 for each
CROWDED_TABLE = Case("10^6 rows, 32", 32, "10^6 rows")

# In this order in each round: what is compared is measured within seconds, under the same conditions.
CASES = (
    ALONE,
    CROWDED,
    CROWDED_TABLE,
    USUAL,
    TWO_WORKERS,
    *(Case(f"open loop, {rate}/s", 256, rate=rate) for rate in (250, 500, 1000)),
)
