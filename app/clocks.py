"""System clocks in ms: wall time for the wire, monotonic time for durations."""

import time


def server_clock() -> int:
    """Return the time, ms since the Unix epoch."""
    return time.time_ns() // 1_000_000


def monotonic_clock() -> int:
    """Return ms since some moment: it never jumps, whatever the machine's time is set to."""
    return time.monotonic_ns() // 1_000_000
