"""Slow push service beside another: `python -m bench.slow_host`, half a minute.

Calls at an even rate to people at one push service, alone and while 512 callers keep calling people at
another one that answers after a second: the slow one can't take what the others need.
"""

import argparse
import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from statistics import median

import asyncpg

from bench.harness import report
from bench.harness.database import postgres, register_population
from bench.harness.measure import clients
from bench.harness.processes import push_stub, whisper
from bench.harness.thresholds import OTHER_HOSTS, Threshold
from bench.load.load_generator import Result
from bench.load.workload import POPULATION, Person, Request, calls, population

CALLS_PER_SECOND = 100.0
CONNECTIONS = 256
SLOW_CALLERS = 512
DELAY_S = 1.0
ANOTHER_CLIENT = "127.0.1.1"  # one client's calls may take half of all places
HALF = POPULATION // 2


def near_calls(people: list[Person], seed: int) -> Iterator[Request]:
    """Make calls between the first half of *people*."""
    return calls(people[:HALF], seed)


def far_calls(people: list[Person], seed: int) -> Iterator[Request]:
    """Make calls between the other half."""
    return calls(people[HALF:], seed)


def main() -> None:
    """Measure a few rounds, and print p99 of both, and what the slow one carried."""
    parser = argparse.ArgumentParser(prog="python -m bench.slow_host", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts (3)")
    parser.add_argument("--seconds", type=float, default=4, help="of load in each (4)")
    options = parser.parse_args()
    with ExitStack() as opened:
        near, far = opened.enter_context(push_stub()), opened.enter_context(push_stub())
        callers = opened.enter_context(clients(near, 1))
        others = opened.enter_context(clients(far, 1, [ANOTHER_CLIENT]))
        url = opened.enter_context(postgres())
        register_population(url, near.url)
        asyncio.run(_move(url, near.url, far.url))
        server = opened.enter_context(whisper(url, [near.url, far.url]))
        call = partial(callers.load, server, near_calls, CONNECTIONS, rate=CALLS_PER_SECOND)
        disturb = partial(others.load, server, far_calls, SLOW_CALLERS, delay=DELAY_S)
        call(1)
        disturb(1)
        ratios = []
        for _ in range(options.rounds):
            calm = call(options.seconds)
            with ThreadPoolExecutor() as together:
                disturbing = together.submit(disturb, options.seconds)
                beside = call(options.seconds)
            slow = disturbing.result()
            ratios.append(beside.percentile(99) / calm.percentile(99))
            print(_format(calm, beside, slow))
    held = Threshold("p99 beside a slow host, over without", median(ratios), OTHER_HOSTS)
    print(report.verdicts([held]))


def _format(calm: Result, beside: Result, slow: Result) -> str:
    alone, together = (1000 * each.percentile(99) for each in (calm, beside))
    return (
        f"p99 {alone:.1f} ms, beside a slow host {together:.1f} ms, refused {beside.refused.total()}; "
        f"the slow host: {slow.per_second:.0f} calls/s, refused {slow.refused.total()}"
    )


async def _move(url: str, origin: str, other: str) -> None:
    """Let the second half of the population be at *other*."""
    connection = await asyncpg.connect(url)
    people = [each.raw for each in population()[HALF:]]
    for table in ("device", "subscription"):
        statement = f"UPDATE {table} SET endpoint = replace(endpoint, $1, $2) WHERE address = ANY($3)"  # noqa: S608 - ours
        await connection.execute(statement, origin, other, people)
    await connection.close()


if __name__ == "__main__":
    main()
