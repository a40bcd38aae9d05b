"""What is measured: which server, and how it is loaded; a row of the table each."""

from dataclasses import dataclass
from typing import Literal

MANY_ROWS = 1_000_000

# Whisper with one worker; with two; with one, and so many people registered.
Server = Literal["one worker", "two workers", "10^6 rows"]


@dataclass(frozen=True, slots=True)
class Case:
    """So many connections, each with a call on its way at all times; or *rate* calls a second over them."""

    name: str
    connections: int
    server: Server = "one worker"
    rate: float | None = None


ALONE = Case("closed loop, 1", 1)
USUAL = Case("closed loop, 32", 32)
CROWDED = Case("closed loop, 256", 256)
TWO_WORKERS = Case("two workers, 64", 64, "two workers")  # as many for each as usual
CROWDED_TABLE = Case("10^6 rows, 32", 32, "10^6 rows")

# In this order in each round: what is compared is measured within seconds, on a machine in the same mood.
CASES = (
    ALONE,
    CROWDED,
    CROWDED_TABLE,
    USUAL,
    TWO_WORKERS,
    *(Case(f"open loop, {rate}/s", 256, rate=rate) for rate in (250, 500, 1000)),
)
