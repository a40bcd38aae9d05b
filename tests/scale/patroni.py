"""Patroni with etcd, as Debian packages them: a primary, and a synchronous standby that takes over."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from app.store import schema
from app.store.url import parse_url
from tests.faults.harness.cluster import RIGHTS, ROLE
from tests.processes import Program, installed, program
from tests.scale.programs import free_port

PATIENCE_S = 30
# Patroni's defaults are 30, 10 and 10 s: a dead primary's lease then ends after half a minute.
TTL_S, LOOP_S, RETRY_S = 8, 2, 3
AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")


class Node:
    """One machine: a Postgres and the Patroni that watches it."""

    def __init__(self, home: Path, name: str, etcd: int) -> None:
        self.port, self._api = free_port(), free_port()
        self._process: Program | None = None
        self._file = home / f"{name}.json"
        self._file.write_text(json.dumps(self._configuration(home / name, name, etcd)), encoding="utf-8")

    @property
    def output(self) -> str:
        """All that its Patroni and its Postgres have printed."""
        return self._process.output if self._process else ""

    @property
    def role(self) -> str:
        """The role that it says it has."""
        try:
            found: str = httpx.get(f"http://127.0.0.1:{self._api}/patroni").json()["role"]
        except httpx.HTTPError:
            return "none"
        return found

    @property
    def is_synchronous(self) -> bool:
        """Whether the primary waits for it at every commit."""
        try:
            return httpx.get(f"http://127.0.0.1:{self._api}/synchronous").is_success
        except httpx.HTTPError:
            return False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it until the block ends."""
        with program(*AS_POSTGRES, "patroni", str(self._file), cwd=self._file.parent) as self._process:
            try:
                yield
            finally:
                self.kill()  # Patroni would take its time

    def kill(self) -> None:
        """End all of it at once, as a machine that loses its power."""
        assert self._process
        pids = [self._process.process.pid]
        with suppress(FileNotFoundError):
            written = self._file.with_suffix("").joinpath("postmaster.pid").read_text(encoding="utf-8")
            pids.append(int(written.split()[0]))
        found = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
        for each in (*found, *(child for one in found for child in one.children(recursive=True))):
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def sql(self, statement: str, database: str) -> list[list[str]]:
        """Run *statement* as the superuser; return the rows, as text."""
        url = f"postgresql://postgres@127.0.0.1:{self.port}/{database}"
        options = ("--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "-v", "ON_ERROR_STOP=1")
        printed = subprocess.check_output((installed("psql"), *options, url, "-c", statement), text=True)
        return [line.split("|") for line in printed.splitlines()]

    def _configuration(self, data: Path, name: str, etcd: int) -> dict[str, object]:
        local = "host all all 127.0.0.1/32 trust"
        dcs = {
            "ttl": TTL_S,
            "loop_wait": LOOP_S,
            "retry_timeout": RETRY_S,
            "synchronous_mode": True,  # or what was committed last may be lost with the primary
        }
        return {
            "scope": "whisper",
            "name": name,
            "restapi": {"listen": f"127.0.0.1:{self._api}", "connect_address": f"127.0.0.1:{self._api}"},
            "etcd3": {"host": f"127.0.0.1:{etcd}"},
            "bootstrap": {"dcs": dcs, "initdb": ["data-checksums", {"auth-local": "trust"}]},
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(data),
                "pgpass": str(data.with_suffix(".pgpass")),
                "bin_dir": str(Path(installed("postgres")).resolve().parent),
                "authentication": {
                    "superuser": {"username": "postgres"},
                    "replication": {"username": "replicator"},
                },
                "pg_hba": [local, local.replace("all all", "replication all")],
                "basebackup": {"checkpoint": "fast"},
                "parameters": {"unix_socket_directories": str(data.parent), "shared_buffers": "16MB"},
            },
        }


@contextmanager
def failover_pair() -> Iterator[tuple[Node, Node]]:
    """Run a primary with the schema of this server, and its synchronous standby, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="patroni") as folder, ExitStack() as open_:
        home = Path(folder)
        home.chmod(0o777)
        port = free_port()
        places = (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}")
        flags = ("--listen-client-urls", "--advertise-client-urls"), ("--listen-peer-urls",)
        options = [
            part for url, names in zip(places, flags, strict=True) for name in names for part in (name, url)
        ]
        open_.enter_context(program(installed("etcd"), *options, "--data-dir", str(home / "etcd")))
        primary, standby = (Node(home, name, port) for name in ("first", "second"))
        open_.enter_context(primary.running())
        _wait_for(primary, "master")
        primary.sql("CREATE DATABASE whisper", "postgres")
        schema.migrate(parse_url(f"postgresql://postgres@127.0.0.1:{primary.port}/whisper"))
        primary.sql(f"CREATE ROLE {ROLE} LOGIN", "postgres")
        primary.sql(RIGHTS, "whisper")
        open_.enter_context(standby.running())
        _wait_for(standby, "replica")
        yield primary, standby


def _wait_for(node: Node, role: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while node.role != role or (role == "replica" and not node.is_synchronous):
        assert time.monotonic() < deadline, f"no {role} within {PATIENCE_S} s:\n{node.output}"
        time.sleep(0.2)
