"""Postgres process of the embedded Postgres: its start, its restart when it was killed, its stop."""

import fcntl
import logging
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import URL

from app.data_dir import open_lock
from app.embedded_postgres.files import (
    PORT,
    SUPERUSER,
    ServerState,
    initialize,
    is_serving,
    make_socket_dir,
    read_state,
    remove_socket_dir,
    write_access_rules,
)
from app.embedded_postgres.system_user import SystemUser, find_system_user
from app.settings import InvalidSettings

log = logging.getLogger(__name__)

START_LOCK = "postgres.start"  # held by the one that starts it
WATCH_S = 0.5  # how soon one that was killed is started again
START_S = 60  # for its recovery, too
STOP_S = 20  # for each way to stop it, the gentle one first
POLL_S = 0.02

_FAILURE = re.compile(r"(?:PANIC|FATAL): +(.+)")


class EmbeddedPostgres:
    """Postgres of a data directory, which several processes may use, each by its own instance of this."""

    def __init__(self, directory: Path, programs: Path) -> None:
        self.data = directory / "postgres"
        self._start_lock = directory / START_LOCK
        self._programs = programs
        self._socket_dir: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL at which it serves."""
        place = {"host": str(self._socket_dir), "port": str(PORT)}  # or the driver would take that of PGPORT
        return URL.create("postgresql", SUPERUSER, database=SUPERUSER, query=place).render_as_string()

    def ensure_running(self) -> None:
        """Make and start it, unless it runs. Raise `InvalidSettings` when that fails."""
        try:
            with open_lock(self._start_lock) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                state = read_state(self.data)
                if state is not None and is_serving(state):
                    self._socket_dir = state.socket_dir
                else:
                    self._start(state)
        except subprocess.CalledProcessError as error:
            why = _find_cause(error.stderr)
        except (OSError, KeyError) as error:  # a user without a name is a KeyError
            why = str(error)
        else:
            return
        raise InvalidSettings(f"The embedded Postgres does not start: {why.rstrip('.')}.")

    def keep_running(self, ended: threading.Event) -> None:
        """Start it again whenever it is found dead, until *ended*."""
        is_told = False  # why it does not start, once: a disk may be full for long
        while not ended.wait(WATCH_S):
            if self._is_alive(read_state(self.data)):
                is_told = False
                continue
            if not is_told:
                log.warning("the embedded Postgres has ended: it is started again")
            try:
                self.ensure_running()
            except InvalidSettings as fault:
                if not is_told:
                    log.error("%s", fault)  # noqa: TRY400 - one line says all; the next round tries again
                is_told = True

    def stop(self) -> None:
        """End it as an operator does: sessions end, what is committed stays; its socket directory goes."""
        state = read_state(self.data)
        if state is not None and is_serving(state):
            self._end(state)
        if self._socket_dir is not None and not self._is_alive(state):  # it may still recover
            remove_socket_dir(self._socket_dir)

    def _end(self, state: ServerState) -> None:
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, by force
            with suppress(ProcessLookupError):
                os.kill(state.pid, how)
            if self._wait_for_end(state):
                break

    def _start(self, stale: ServerState | None) -> None:
        user = find_system_user()
        user.let_in(self.data.parent, self._programs)
        try:
            self._start_as(user, stale)
        except (OSError, subprocess.CalledProcessError):
            # Another program of root may have closed a folder on the way meanwhile.
            if not user.let_in(self.data.parent, self._programs):
                raise
            self._start_as(user, stale)

    def _start_as(self, user: SystemUser, stale: ServerState | None) -> None:
        if not (self.data / "PG_VERSION").exists():
            initialize(self.data, self._programs, user)
        write_access_rules(self.data, user)
        if self._socket_dir is None or not self._socket_dir.is_dir():
            if stale is not None:
                remove_socket_dir(stale.socket_dir)
            self._socket_dir = make_socket_dir(user)
        # We start it again after a crash: Postgres 18 may hang if it does, and that fails, on a full disk.
        crash = ("-c", "restart_after_crash=off")
        options = ("-D", self.data, "-k", self._socket_dir, "-p", str(PORT), "-h", "", *crash)
        deadline = time.monotonic() + START_S
        while True:
            with user.create(self.data / "log") as output:
                self._process = subprocess.Popen(
                    (self._programs / "postgres", *options),
                    stdout=output,
                    stderr=output,
                    **user.process_options(),
                )
            if self._wait_until_ready(self._process, deadline):
                return
            if time.monotonic() > deadline or not self._may_try_again():
                raise OSError(f"{_find_cause((self.data / 'log').read_bytes())} ({self.data / 'log'})")
            time.sleep(WATCH_S)

    def _wait_until_ready(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        while process.poll() is None and time.monotonic() < deadline:
            state = read_state(self.data)
            if state is not None and state.pid == process.pid and state.is_ready:
                return True
            time.sleep(POLL_S)
        return False

    def _may_try_again(self) -> bool:
        """Tell whether sessions of a server that was killed still hold its memory: they soon notice."""
        return b"shared memory block" in (self.data / "log").read_bytes()

    def _is_alive(self, state: ServerState | None) -> bool:
        if self._process is not None:
            self._process.poll()  # a child that has ended counts as alive until then
        if state is None:
            return False
        try:
            os.kill(state.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _wait_for_end(self, state: ServerState) -> bool:
        deadline = time.monotonic() + STOP_S
        while self._is_alive(state):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True


def _find_cause(output: bytes) -> str:
    """Return the first failure that *output* tells, without its time, or else its last line."""
    text = output.decode("utf-8", "replace").strip()
    failure = _FAILURE.search(text)
    return failure[1] if failure else (text.splitlines() or ["it says nothing"])[-1]
