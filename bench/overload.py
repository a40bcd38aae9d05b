"""Overload, and the CPU of a refusal: `python -m bench.overload`, a minute, on two cores.

Server, database and push service are on one core, the load generator on the other. The peak is what a closed
loop carries. Then twice as many calls a second are due, from 32 addresses over 2 000 connections, whether or
not the earlier ones were answered. Each was signed before, with the time at which it is due: a client that
has to sign them meanwhile would be what is measured. Latency is from that time on, too.

A refusal is measured where nearly all is refused: all places taken, and all the room of a push service that
hangs. The CPU of the few calls that are served is subtracted.
"""

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import count, islice
from json import loads
from multiprocessing import get_context
from statistics import median

from bench.harness import crypto_baseline, report
from bench.harness.database import postgres, register_population
from bench.harness.measure import Bench
from bench.harness.processes import Program, push_stub, whisper
from bench.harness.thresholds import OVERLOADED, REFUSAL, Threshold
from bench.load.load_generator import Result
from bench.load.workload import Person, Request, calls, now_ms

CLOSED = 256  # connections
OPEN = 2000
TIMES = 2  # the peak
WARM_UP_S = 3.0
# A client's connections and calls in flight are limited: many people come from many addresses.
SOURCES = [f"127.0.1.{number}" for number in range(1, 33)]
TRIED = 1000  # calls that are signed to know how long one takes
SIGNING_MARGIN = 1.5

# A push service that hangs, for a server with few places. `push_busy`: half of all places are one host's.
HANGING_S = 5.0
REFUSALS: Mapping[str, tuple[int, int]] = {"overloaded": (8, 256), "push_busy": (128, 120)}


def sign_ahead(rate: float, seconds: float, people: list[Person], seed: int) -> Iterator[Request]:
    """Sign all calls of an open loop, each for the time when it is due, and wait for the first of these."""
    began = time.perf_counter()
    for _ in islice(calls(people, seed), TRIED):
        pass
    each = SIGNING_MARGIN * (time.perf_counter() - began) / TRIED
    number = int(rate * seconds)
    first = now_ms() + 1000 * each * number
    due = (int(first + 1000 * turn / rate) for turn in count())
    signed = list(islice(calls(people, seed, due.__next__), number))
    time.sleep(max(0, first - now_ms()) / 1000)
    return iter(signed)


def main() -> None:
    """Measure a few rounds, and print what was carried, the answers, and the thresholds."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts (3)")
    parser.add_argument("--seconds", type=float, default=5, help="of load in each (5)")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        parser.exit(1, "two cores are needed: one for the server, one for the load generator\n")
    os.sched_setaffinity(0, cores[:1])  # of all that is started from here
    context = get_context("spawn")
    with ExitStack() as opened:
        pool = ProcessPoolExecutor(1, context, os.sched_setaffinity, (0, cores[1:2]))
        clients = opened.enter_context(pool)
        stub = opened.enter_context(push_stub())
        bench = Bench(clients, 1, stub, SOURCES)
        url = opened.enter_context(postgres())
        register_population(url, stub.url)
        with whisper(url, [stub.url]) as server:
            bench.load(server, calls, CLOSED, WARM_UP_S)
            carried, cpu = _measure_overload(bench, clients, server, options.rounds, options.seconds)
        held = [Threshold("calls/s at twice the peak, over the peak", carried, OVERLOADED, at_least=True)]
        for code in REFUSALS:
            cost = _measure_refusal(bench, url, stub, code, cpu, options.rounds)
            held.append(Threshold(f"CPU per {code}, in crypto baselines", cost, REFUSAL))
    print(f"\n{report.verdicts(held)}")


def _measure_overload(
    bench: Bench, clients: ProcessPoolExecutor, server: Program, rounds: int, seconds: float
) -> tuple[float, float]:
    """Return what is carried over the peak, and the CPU of a served call at the peak."""
    ratios, costs = [], []
    for _ in range(rounds):
        used = server.cpu()
        peak = bench.load(server, calls, CLOSED, seconds)
        costs.append((server.cpu() - used) / len(peak.latencies))
        rate = TIMES * peak.per_second
        used, sent = server.cpu(), clients.submit(time.process_time).result()
        result = bench.load(server, partial(sign_ahead, rate, seconds), OPEN, seconds, rate)
        used, sent = server.cpu() - used, clients.submit(time.process_time).result() - sent
        ratios.append(result.per_second / peak.per_second)
        print(f"peak {peak.per_second:.0f}/s, offered {rate:.0f}/s: {_format(result)}")
        print(f"    of their cores: server {used / seconds:.0%}, client {sent / seconds:.0%}, signing too")
    return median(ratios), median(costs)


def _measure_refusal(bench: Bench, url: str, stub: Program, code: str, served: float, rounds: int) -> float:
    """Return the CPU of a refusal by this *code*, in crypto baselines; *served* is that of a served call."""
    places, connections = REFUSALS[code]
    costs = []
    with whisper(url, [stub.url], settings={"WHISPER_MAX_IN_FLIGHT": str(places)}) as server:
        bench.load(server, calls, connections // 4, 1)
        for _ in range(rounds):
            used = server.cpu()
            result = bench.load(server, calls, connections, 2, delay=HANGING_S)
            used = server.cpu() - used - served * len(result.latencies)
            answers = _answers(result)
            costs.append(used / answers[code] / crypto_baseline.measure())
            print(f"{code}: {1e6 * used / answers[code]:.0f} us of CPU; {_shares(answers)}")
    return median(costs)


def _format(result: Result) -> str:
    p50, p99, longest = (1000 * result.percentile(each) for each in (50, 99, 100))
    return (
        f"{result.per_second:.0f}/s carried, p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {longest:.0f} ms;"
        f" {_shares(_answers(result))}"
    )


def _answers(result: Result) -> Counter[str]:
    """Count the answers by their code."""
    found = Counter(served=len(result.latencies))
    for answer, times in result.refused.items():
        _, _, body = answer.partition(" ")
        found[loads(body)["code"] if body.startswith("{") else answer] += times
    return found


def _shares(answers: Counter[str]) -> str:
    total = answers.total()
    return ", ".join(f"{code} {times / total:.1%}" for code, times in answers.most_common())


if __name__ == "__main__":
    main()
