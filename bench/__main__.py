"""CPU cost of a relayed call, as a multiple of its cryptography: `python -m bench`."""

from argparse import Namespace
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from statistics import mean

from bench.harness import connection_setup, crypto_baseline, registration_floor, report
from bench.harness.cases import ALONE, CASES, CROWDED, MANY_ROWS, NEAR, RENEWED, USUAL, Server, make_works
from bench.harness.connection_setup import Connection
from bench.harness.database import add_others, copy_database, postgres, register_population
from bench.harness.measure import Bench, Round, Row, clients, measure_round
from bench.harness.options import parse_options
from bench.harness.processes import Program, push_stub, whisper
from bench.harness.thresholds import check, check_registrations, find_row, relative_rate
from bench.load.workload import DEVICES, calls

# Warm-up, in lengths of a round: connections open, and the replay memory (5 s of calls) reaches its size.
WARM_UP = 2


def main() -> None:
    """Measure, print, and compare."""
    options = parse_options("make bench", __doc__)
    before = report.read(options.compare) if options.compare else None
    rows, connection, floor = _measure(options)
    steps = crypto_baseline.measure_steps(_iterations(options))
    held = [*check(rows), *check_registrations(rows, floor)]
    print(report.table(rows, before))
    print(f"\ncrypto baseline {1e6 * mean(row.median('baseline') for row in rows):.0f} us:", end=" ")
    print(", ".join(f"{name} {1e6 * seconds:.0f}" for name, seconds in steps.items()))
    print(f"registration floor {1e6 * floor:.0f} us: Ed25519 verify, and one statement that commits")
    if connection:
        print(connection.sentence(find_row(rows, ALONE).median("p50")))
    print(f"\n{report.verdicts(held)}\n")
    if options.json:
        setup = asdict(connection) if connection else None
        report.write(
            report.as_json(rows, held, steps=steps, registration_floor=floor, connection=setup), options.json
        )
    carried = relative_rate(find_row(rows, NEAR), find_row(rows, CROWDED))
    print(f"carried at 100 ms of push latency, over without: {carried:.2f}")
    print(
        f"crypto floor ratio at {USUAL.connections} concurrent: {find_row(rows, USUAL).median('ratio'):.2f}"
    )


def _iterations(options: Namespace) -> int:
    """Return how often a baseline does its work: it takes no longer than a round."""
    iterations: int = round(crypto_baseline.ITERATIONS * min(1, options.seconds))
    return iterations


def _measure(options: Namespace) -> tuple[list[Row], Connection | None, float]:
    with ExitStack() as opened:
        stub = opened.enter_context(push_stub())
        bench = opened.enter_context(clients(stub, options.clients))
        url = opened.enter_context(postgres())
        register_population(url, stub.url)
        connection = None if options.quick else connection_setup.measure(url)
        large = None if options.quick else _copy_with_many_rows(url, stub)
        servers: dict[Server, Program] = {"one worker": opened.enter_context(whisper(url, [stub.url]))}
        if large:
            servers["two workers"] = opened.enter_context(whisper(url, [stub.url], workers=2))
            servers["10^6 rows"] = opened.enter_context(whisper(large, [stub.url]))
        rows = _rows(bench, servers, stub.url, options)
        return rows, connection, registration_floor.measure(url, _iterations(options))


def _copy_with_many_rows(url: str, stub: Program) -> str:
    large = copy_database(url)
    add_others(large, stub.url, MANY_ROWS // DEVICES, DEVICES)
    return large


def _rows(bench: Bench, servers: Mapping[Server, Program], origin: str, options: Namespace) -> list[Row]:
    """Measure each case in turn, round by round: so a change of the machine affects all of them."""
    seconds, works = options.seconds, make_works(origin)
    for server in servers.values():
        bench.load(server, calls, CROWDED.connections, WARM_UP * seconds)
    bench.load(servers["one worker"], works["renewals"], RENEWED.connections, seconds)
    cases = [case for case in CASES if case.server in servers]
    found: dict[str, list[Round]] = {case.name: [] for case in cases}
    for _ in range(options.rounds):
        for case in cases:
            server, work = servers[case.server], works[case.work]
            load = partial(bench.load, server, work, case.connections, seconds, case.rate, case.delay)
            found[case.name].append(measure_round(server, load, _iterations(options)))
    return [Row(name, each) for name, each in found.items()]


if __name__ == "__main__":
    main()
