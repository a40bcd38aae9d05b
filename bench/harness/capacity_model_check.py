"""Check of the capacity model: three instances behind PgBouncer, against a prediction from one without.

Each instance gets the same even rate of calls. The model says that three of them carry three times the calls,
for three times the CPU, memory and statements, and over no more sessions of Postgres than PgBouncer has. All
processes share this machine, so the rate is low enough for it.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path

import asyncpg
import psutil

from bench.harness.database import register_population
from bench.harness.processes import Program, push_stub, whisper
from bench.load.load_generator import Load, prepare, run
from bench.load.workload import calls
from tests.faults.harness.cluster import Cluster, cluster
from tests.faults.harness.fault_proxy import fault_proxy
from tests.scale.programs import SESSIONS, free_port, pgbouncer

INSTANCES = 3
RATE = 150.0  # calls a second of each instance
SECONDS = 10.0
CONNECTIONS = 32  # of callers, to each
TOLERANCE = 0.2
STATISTICS_S = 2  # until Postgres' sessions have told what they did
SESSIONS_OF_A_WORKER = 20  # POOL_SIZE and POOL_OVERFLOW of app/store/database.py

_STATISTICS = """
SELECT pg_backend_pid() AS pid, xact_commit AS statements,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) - 1 AS sessions
FROM pg_stat_database WHERE datname = current_database()
"""

Figures = Mapping[str, float]


def main(rate: float = RATE, seconds: float = SECONDS) -> int:
    """Print what is predicted and what is measured; return 1 if they are too far apart."""
    with ExitStack() as opened:
        stub = opened.enter_context(push_stub())
        pool = opened.enter_context(ProcessPoolExecutor(INSTANCES, get_context("spawn")))
        list(pool.map(_prepare, range(INSTANCES)))
        postgres = opened.enter_context(cluster())
        database = postgres.database()
        url = postgres.url(database)
        register_population(url, stub.url)

        def measure(urls: Sequence[str]) -> Figures:
            with ExitStack() as running:
                servers = [running.enter_context(whisper(each, [stub.url])) for each in urls]
                _load(pool, servers, rate, seconds / 4)  # connections are made
                return _measure(url, servers, lambda: _load(pool, servers, rate, seconds))

        one = measure(
            [f"{url}{'&' if '?' in url else '?'}pgbouncer=true"]
        )  # the same statements, not prepared
        with _pooled(postgres, database) as pooled:
            three = measure([pooled] * INSTANCES)
    return _compare(one, three)


def _prepare(_: int) -> None:
    prepare()


@contextmanager
def _pooled(postgres: Cluster, database: str) -> Iterator[str]:
    """Run PgBouncer as `deploy/` configures it, with a few sessions, and yield its URL."""
    with tempfile.TemporaryDirectory(prefix="bench") as home, fault_proxy(postgres.socket) as door:
        Path(home).chmod(0o755)  # PgBouncer gives up being root
        port = free_port()
        with pgbouncer(Path(home) / "pgbouncer", database, door.port, port):
            yield f"postgresql://whisper@127.0.0.1:{port}/whisper?pgbouncer=true"


def _load(pool: ProcessPoolExecutor, servers: Sequence[Program], rate: float, seconds: float) -> int:
    """Send calls to each server at an even *rate*; return how many were served."""
    seed = time.monotonic_ns()
    loads = [
        Load(each.port, CONNECTIONS, seconds, calls, seed + number, rate)
        for number, each in enumerate(servers)
    ]
    return sum(len(result.latencies) for result in pool.map(run, loads))


def _measure(url: str, servers: Sequence[Program], load: Callable[[], int]) -> Figures:
    before, cpu, database = _statistics(url), _cpu(servers), _database_cpu(url)
    began = time.perf_counter()
    served = load()
    seconds = time.perf_counter() - began
    used, worked = _cpu(servers) - cpu, _database_cpu(url) - database
    time.sleep(STATISTICS_S)
    after = _statistics(url)
    statements = after["statements"] - before["statements"]
    return {
        "calls/s": served / seconds,
        "CPU of the instances, us/call": 1e6 * used / served,
        "their memory, MB": sum(each.memory() for each in servers),
        "statements/s": statements / seconds,
        "CPU of Postgres, us/statement": 1e6 * worked / statements,
        "sessions of Postgres": after["sessions"],
    }


def _cpu(servers: Sequence[Program]) -> float:
    return sum(each.cpu() for each in servers)


def _statistics(url: str) -> Mapping[str, int]:
    async def ask() -> Mapping[str, int]:
        connection = await asyncpg.connect(url)
        found = dict(await connection.fetchrow(_STATISTICS))
        parent = psutil.Process(found["pid"]).parent()
        assert parent  # noqa: S101 - a session has a postmaster
        await connection.close()
        return found | {"pid": parent.pid}

    return asyncio.run(ask())


def _database_cpu(url: str) -> float:
    """Return the seconds of CPU of all of Postgres' processes, those that have ended too."""
    postmaster = psutil.Process(_statistics(url)["pid"])
    ended = postmaster.cpu_times()
    times = [each.cpu_times() for each in (postmaster, *postmaster.children())]
    return ended.children_user + ended.children_system + sum(each.user + each.system for each in times)


def _compare(one: Figures, three: Figures) -> int:
    far = 0
    print(f"{'':32}{'one':>9}{'predicted':>11}{'measured':>10}")
    for name, value in one.items():
        times = INSTANCES if name in ("calls/s", "their memory, MB", "statements/s") else 1
        if name == "sessions of Postgres":
            predicted, verdict = float(SESSIONS), "ok" if three[name] <= SESSIONS else "over"
        else:
            predicted = times * value
            off = three[name] / predicted - 1
            verdict = f"{off:+.0%} {'ok' if abs(off) <= TOLERANCE else 'over'}"
        far += verdict.endswith("over")
        print(f"{name:32}{value:>9.0f}{predicted:>11.0f}{three[name]:>10.0f}  {verdict}")
    return int(bool(far))
