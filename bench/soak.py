"""Soak test at half of a server's capacity: `python -m bench.soak [SECONDS]`, 600 of them by default.

First its capacity is measured: as many calls as it answers when there are always some waiting. Then it gets
half of that, evenly. There must be no error, and no more memory at the end than in the beginning. The load
generator, the push service and Postgres are on the same machine, so the capacity of one core is computed from
the server's own CPU time.
"""

import sys
from collections import Counter
from contextlib import ExitStack
from functools import partial
from statistics import median

from bench.harness.database import postgres, register_population
from bench.harness.measure import Bench, clients
from bench.harness.processes import Program, push_stub, whisper
from bench.harness.thresholds import FLAT
from bench.load.load_generator import Result
from bench.load.workload import calls_and_updates

SECONDS = 600
CAPACITY_S = 10
WAITING = 256  # calls at once; each waits for the push service
PUSH_S = 0.05  # what the browsers' push services take, or more
PARTS = 20  # of the steady time, after each of which the server's memory is read


def soak(bench: Bench, server: Program, origin: str, seconds: float) -> bool:
    """Print the table; return whether there was no error and no more memory."""
    load = partial(bench.load, server, partial(calls_and_updates, origin), WAITING, delay=PUSH_S)
    before = server.cpu()
    most = load(CAPACITY_S)
    core = len(most.latencies) / (server.cpu() - before)
    steady, sizes, before = Result(), [], server.cpu()
    for _ in range(PARTS):
        steady.include(load(seconds / PARTS, most.per_second / 2))
        sizes.append(server.memory())
    busy = server.cpu() - before
    begin, end = median(sizes[PARTS // 4 : PARTS // 2]), median(sizes[-PARTS // 4 :])
    p50, p99 = (1000 * steady.percentile(percent) for percent in (50, 99))
    rows = {
        "capacity, calls/s on this machine": f"{most.per_second:.0f}",
        "capacity, calls/s for a core of the server's": f"{core:.0f}",
        "errors while it was measured": _format_refused(most.refused),
        "steady calls": f"{len(steady.latencies)} in {seconds:.0f} s",
        "errors": _format_refused(steady.refused),
        f"p50 and p99 in ms, {1000 * PUSH_S:.0f} of them for the push": f"{p50:.0f}, {p99:.0f}",
        "processor of the server, of one core": f"{100 * busy / seconds:.0f} %",
        "memory in MB, second quarter and last": f"{begin:.0f}, {end:.0f}",
    }
    for name, value in rows.items():
        print(f"{name:48} {value}")
    return not steady.refused and end < FLAT * begin


def _format_refused(refused: Counter[str]) -> str:
    return "; ".join(
        [f"{refused.total()}", *(f"{times} x {answer}" for answer, times in refused.most_common(5))]
    )


def main(seconds: float) -> int:
    """Run a server with a database, a push service stub and load."""
    with ExitStack() as opened:
        stub = opened.enter_context(push_stub())
        bench = opened.enter_context(clients(stub, 1))
        url = opened.enter_context(postgres())
        register_population(url, stub.url)
        server = opened.enter_context(whisper(url, [stub.url]))
        passed = soak(bench, server, stub.url, seconds)
        warnings = [line for line in server.output.splitlines() if " WARNING " in line or " ERROR " in line]
    print("passed" if passed else "\n".join(["failed", *warnings[-10:]]))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
