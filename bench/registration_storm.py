"""Storm of registrations beside calls: `python -m bench.registration_storm`, about a minute.

A million people who open their browsers in the same ten minutes register 1 667 times a second: a third for
the first time, the others again. Calls go on meanwhile, at an even rate; their latency with and without the
storm is printed, for one worker and for two. What a server can't register at that rate gets nine tenths of
what it registers in a closed loop.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import count

from bench.harness.database import postgres, register_population
from bench.harness.measure import Bench, clients
from bench.harness.processes import Program, push_stub, whisper
from bench.load.workload import Person, Request, calls, new_registrations, renewals

PEOPLE, WITHIN_S = 1_000_000, 600
CALLS_PER_SECOND = 100.0
CONNECTIONS = 256
CAPACITY_S = 3.0
OF_CAPACITY = 0.9
_HEAD = (
    "offered/s",
    "carried/s",
    "refused",
    "p99 ms",
    "CPU us",
    "calls p50",
    "calm p50",
    "calls p99",
    "calm p99",
)


def updates(origin: str, people: list[Person], seed: int) -> Iterator[Request]:
    """Make one update after the other: a first one, and two renewals."""
    new, again = new_registrations(origin, people, seed), renewals(origin, people, seed)
    for turn in count():
        yield next(again if turn % 3 else new)


def main() -> None:
    """Measure with one worker and with two, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.registration_storm", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of storm (10)")
    parser.add_argument("--rate", type=float, default=PEOPLE / WITHIN_S, help="updates a second (1667)")
    options = parser.parse_args()
    print(" " * 12 + "".join(f"{name:>11}" for name in _HEAD))
    with ExitStack() as opened:
        stub = opened.enter_context(push_stub())
        callers = opened.enter_context(clients(stub, 1))
        registrants = opened.enter_context(clients(opened.enter_context(push_stub()), 1))  # gets no push
        url = opened.enter_context(postgres())
        register_population(url, stub.url)
        for workers in (1, 2):
            with whisper(url, [stub.url], workers) as server:
                figures = _measure(server, callers, registrants, stub.url, options.seconds, options.rate)
            print(
                f"{workers} worker{'s' * (workers > 1)}".ljust(12)
                + "".join(f"{each:>11}" for each in figures)
            )


def _measure(
    server: Program, callers: Bench, registrants: Bench, origin: str, seconds: float, rate: float
) -> list[str]:
    register = partial(registrants.load, server, partial(updates, origin), CONNECTIONS)
    call = partial(callers.load, server, calls, CONNECTIONS)
    register(1)  # connections to the database are made
    rate = min(rate, OF_CAPACITY * register(CAPACITY_S).per_second)
    call(1)
    began = server.cpu()
    calm = call(seconds, CALLS_PER_SECOND)
    calm_cpu, began = server.cpu() - began, server.cpu()
    with ThreadPoolExecutor() as together:
        calling = together.submit(call, seconds, CALLS_PER_SECOND)
        storm = together.submit(register, seconds, rate).result()
        stormy = calling.result()
    cpu = (server.cpu() - began - calm_cpu) / len(storm.latencies)
    return [
        f"{rate:.0f}",
        f"{storm.per_second:.0f}",
        f"{storm.refused.total()}",
        f"{1000 * storm.percentile(99):.0f}",
        f"{1e6 * cpu:.0f}",
        *(f"{1000 * load.percentile(each):.1f}" for each in (50, 99) for load in (stormy, calm)),
    ]


if __name__ == "__main__":
    main()
