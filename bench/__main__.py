"""`python -m bench`: CPU cost of a relayed call, as a multiple of its cryptography."""

from argparse import Namespace
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from statistics import mean

from bench import baseline, connection_setup, report
from bench.cases import ALONE, CASES, CROWDED, MANY_ROWS, USUAL, Server
from bench.connection_setup import Connection
from bench.database import add_others, copy_database, postgres, register_population
from bench.measure import Bench, Row, clients
from bench.options import parse_options
from bench.processes import Program, push_stub, whisper
from bench.thresholds import check, find_row
from bench.workload import POPULATION, calls

# Warm-up, in lengths of a round: connections open, and the replay memory (5 s of calls) reaches its size.
WARM_UP = 2


def main() -> None:
    """Measure, print, and compare."""
    options = parse_options("make bench", __doc__)
    before = report.read(options.compare) if options.compare else None
    rows, connection = _measure(options)
    steps, held = baseline.measure_steps(), list(check(rows))
    print(report.table(rows, before))
    print(f"\ncrypto baseline {1e6 * mean(row.median('baseline') for row in rows):.0f} us:", end=" ")
    print(", ".join(f"{name} {1e6 * seconds:.0f}" for name, seconds in steps.items()))
    if connection:
        print(connection.sentence(find_row(rows, ALONE).median("p50")))
    print(f"\n{report.verdicts(held)}\n")
    if options.json:
        setup = asdict(connection) if connection else None
        report.write(report.as_json(rows, held, steps=steps, connection=setup), options.json)
    print(
        f"crypto floor ratio at {USUAL.connections} concurrent: {find_row(rows, USUAL).median('ratio'):.2f}"
    )


def _measure(options: Namespace) -> tuple[list[Row], Connection | None]:
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
        return _rows(bench, servers, options.rounds, options.seconds), connection


def _copy_with_many_rows(url: str, stub: Program) -> str:
    large = copy_database(url)
    add_others(large, stub.url, MANY_ROWS - POPULATION)
    return large


def _rows(bench: Bench, servers: Mapping[Server, Program], rounds: int, seconds: float) -> list[Row]:
    """Measure each case in turn, round by round: so a change of the machine affects all of them."""
    for server in servers.values():
        bench.load(server, calls, CROWDED.connections, WARM_UP * seconds)
    cases = [case for case in CASES if case.server in servers]
    found = [
        [bench.round(servers[case.server], calls, case.connections, seconds, case.rate) for case in cases]
        for _ in range(rounds)
    ]
    return [Row(case.name, each) for case, each in zip(cases, zip(*found, strict=True), strict=True)]


if __name__ == "__main__":
    main()
