"""`python -m bench`: what a relayed call costs the server, as a multiple of its cryptography."""

from argparse import Namespace
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from statistics import mean

from bench import connecting, floor, report
from bench.bars import bars, named
from bench.cases import ALONE, CASES, CROWDED, MANY_ROWS, USUAL, Server
from bench.connecting import Connection
from bench.database import add_others, copied, postgres, register_everybody
from bench.measure import Bench, Row, clients
from bench.options import parsed
from bench.people import POPULATION, calls
from bench.processes import Program, push_stub, whisper

# So many times a round's length a server is loaded before: connections open, and what it remembers of calls
# (a clock window, 5 s) has its size.
WARM = 2


def main() -> None:
    """Measure, print, and compare."""
    options = parsed("make bench", __doc__)
    before = report.read(options.compare) if options.compare else None
    rows, connection = _measure(options)
    steps, held = floor.measure_steps(), list(bars(rows))
    print(report.table(rows, before))
    print(f"\ncrypto floor {1e6 * mean(row.median('floor') for row in rows):.0f} us:", end=" ")
    print(", ".join(f"{name} {1e6 * seconds:.0f}" for name, seconds in steps.items()))
    if connection:
        print(connection.sentence(named(rows, ALONE).median("p50")))
    print(f"\n{report.verdicts(held)}\n")
    if options.json:
        told = asdict(connection) if connection else None
        report.write(report.as_json(rows, held, steps=steps, connection=told), options.json)
    print(f"crypto floor ratio at {USUAL.connections} concurrent: {named(rows, USUAL).median('ratio'):.2f}")


def _measure(options: Namespace) -> tuple[list[Row], Connection | None]:
    with ExitStack() as opened:
        stub = opened.enter_context(push_stub())
        bench = opened.enter_context(clients(stub, options.clients))
        url = opened.enter_context(postgres())
        register_everybody(url, stub.url)
        connection = None if options.quick else connecting.measure(url)
        crowded = None if options.quick else _crowded(url, stub)
        servers: dict[Server, Program] = {"one worker": opened.enter_context(whisper(url, [stub.url]))}
        if crowded:
            servers["two workers"] = opened.enter_context(whisper(url, [stub.url], workers=2))
            servers["10^6 rows"] = opened.enter_context(whisper(crowded, [stub.url]))
        return _rows(bench, servers, options.rounds, options.seconds), connection


def _crowded(url: str, stub: Program) -> str:
    crowded = copied(url)
    add_others(crowded, stub.url, MANY_ROWS - POPULATION)
    return crowded


def _rows(bench: Bench, servers: Mapping[Server, Program], rounds: int, seconds: float) -> list[Row]:
    """Measure each case in turn, round by round: what changes on the machine changes for all."""
    for server in servers.values():
        bench.load(server, calls, CROWDED.connections, WARM * seconds)
    cases = [case for case in CASES if case.server in servers]
    found = [
        [bench.round(servers[case.server], calls, case.connections, seconds, case.rate) for case in cases]
        for _ in range(rounds)
    ]
    return [Row(case.name, each) for case, each in zip(cases, zip(*found, strict=True), strict=True)]


if __name__ == "__main__":
    main()
