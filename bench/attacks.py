"""Fairness under attack: `python -m bench.attacks`, five minutes.

Honest calls go to two servers on one database at the same time, evenly; one of the two is attacked, and the
p99 of its honest calls is told as a multiple of its twin's. What the attacking client itself costs the
machine it costs both, as both are measured while it runs; and it has the lowest priority, as attackers bring
machines of their own. So the ratio is the server's part alone. The median of three rounds is told, with the
CPU time of both: on a busy machine that is the surer measure.

Limits of calls a minute are never reached: what holds an attacker is what they hold. An attacker who is
refused comes again a second later, as they are told.
"""

import asyncio
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median

from bench.harness.database import postgres, register_population
from bench.harness.processes import Program, push_stub, whisper
from bench.load import load_generator
from bench.load.hostile_clients import ATTACKS, BEGIN_S, SECONDS, Target, post, run_attack
from bench.load.load_generator import Load, Result
from bench.load.workload import Subscription, calls, make_update

RATE = 60  # honest calls a second, at each server
HONEST = 16  # connections
HANGING_S = 3600.0
BOUND = 2  # the twin's p99, at most so many times
ROUNDS = 3
LOWEST_PRIORITY = 19


def main() -> None:
    """Print a ratio for each attack, and whether it is within its bound."""
    context = get_context("spawn")
    with (
        push_stub() as stub,
        push_stub(HANGING_S) as hanging,
        postgres() as url,
        ProcessPoolExecutor(2, context) as clients,
        ProcessPoolExecutor(1, context, initializer=os.nice, initargs=(LOWEST_PRIORITY,)) as attacker,
    ):
        register_population(url, stub.url)
        origins = [stub.url, hanging.url]
        with whisper(url, origins) as attacked, whisper(url, origins) as twin:
            target = Target(attacked.port, url)
            asyncio.run(_register(target, hanging.url))
            for name in ("nobody", *ATTACKS):
                rounds = [_measure(name, target, (attacked, twin), clients, attacker) for _ in range(ROUNDS)]
                print(_row(name, rounds), flush=True)


@dataclass(frozen=True)
class Round:
    """Honest calls at the attacked server and at its twin, and the CPU time of each in seconds."""

    results: tuple[Result, Result]
    cpu_s: tuple[float, float]

    @property
    def p99s(self) -> tuple[float, float]:
        """The p99 of each, in ms."""
        ours, theirs = self.results
        return 1000 * ours.percentile(99), 1000 * theirs.percentile(99)

    @property
    def ratio(self) -> float:
        """The attacked server's p99 as a multiple of its twin's."""
        ours, theirs = self.p99s
        return ours / theirs


def _measure(
    name: str,
    target: Target,
    servers: tuple[Program, Program],
    clients: ProcessPoolExecutor,
    attacker: ProcessPoolExecutor,
) -> Round:
    attack = attacker.submit(run_attack, name, target) if name in ATTACKS else None
    time.sleep(BEGIN_S)
    before = [server.cpu() for server in servers]
    loads = [Load(each.port, HONEST, SECONDS, calls, seed, RATE) for seed, each in enumerate(servers)]
    ours, theirs = clients.map(load_generator.run, loads)
    our_cpu, their_cpu = (server.cpu() - used for server, used in zip(servers, before, strict=True))
    if attack:
        attack.result()
    return Round((ours, theirs), (our_cpu, their_cpu))


def _row(name: str, rounds: list[Round]) -> str:
    told = sorted(rounds, key=lambda each: each.ratio)[len(rounds) // 2]
    ours, theirs = told.p99s
    lowest, highest = min(each.ratio for each in rounds), max(each.ratio for each in rounds)
    refused = sum(each.results[0].refused.total() for each in rounds)
    cpu = [100 * median(each.cpu_s[server] for each in rounds) / SECONDS for server in (0, 1)]
    verdict = "ok" if told.ratio <= BOUND and not refused else "OVER"
    return (
        f"{name:32} p99 {ours:7.1f} ms, twin {theirs:7.1f} ms: {told.ratio:5.2f}"
        f" ({lowest:.2f} to {highest:.2f})  CPU {cpu[0]:3.0f} %, twin {cpu[1]:3.0f} %"
        f"  {refused} refused  {verdict}"
    )


async def _register(target: Target, origin: str) -> None:
    for number, person in enumerate(target.victims):
        await post(target.port, make_update(person, Subscription.at(origin, number)), "127.0.0.1")


if __name__ == "__main__":
    main()
