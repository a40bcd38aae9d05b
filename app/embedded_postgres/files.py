"""Files of the embedded Postgres: data directory, access rules, state and socket directory."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.embedded_postgres.system_user import SystemUser

SUPERUSER = "postgres"
PORT = 5432  # part of the name of the socket; it listens on no other
SOCKET_NAME = f".s.PGSQL.{PORT}"
SOCKET_PATH_BYTES = 103  # what fits into the smallest sockaddr_un there is, that of macOS
_SOCKET_PREFIX = "whisper-pg-"
_STATE_LINES = 8

# What the shell would change between double quotes: initdb runs the server's program by one.
_SHELL = re.compile(r'["$`\\]')


@dataclass(frozen=True, slots=True)
class ServerState:
    """Entries of postmaster.pid: process of a server, directory of its socket, whether it serves."""

    pid: int
    socket_dir: Path
    is_ready: bool


def read_state(data: Path) -> ServerState | None:
    """Return the state of the server of *data*, `None` if there is none, or it has not said all yet."""
    try:
        lines = (data / "postmaster.pid").read_bytes().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(lines) < _STATE_LINES:
        return None
    return ServerState(int(lines[0]), Path(os.fsdecode(lines[4])), lines[7].startswith(b"ready"))


def is_serving(state: ServerState) -> bool:
    """Tell whether somebody listens at the socket of *state*, which may be that of a server long dead."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0)  # a full backlog is a sign of life
        try:
            probe.connect(os.fsencode(state.socket_dir / SOCKET_NAME))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return state.is_ready


def initialize(data: Path, programs: Path, user: SystemUser) -> None:
    """Make *data* with initdb, beside where it will be: what was broken off is not taken for whole."""
    new = data.with_name(f"{data.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    user.own(new)
    options = ("--auth=peer", "--encoding=UTF8", "--locale=C", f"--username={SUPERUSER}")
    with _copy_for_shell(programs, user) as copied:
        command = (copied / "initdb", "-D", new, *options)
        subprocess.run(command, check=True, capture_output=True, **user.process_options())
    new.rename(data)


@contextmanager
def _copy_for_shell(programs: Path, user: SystemUser) -> Iterator[Path]:
    """Yield *programs*, or a copy of them if a shell would not find them at their path."""
    if not _SHELL.search(str(programs)):
        yield programs
        return
    package = programs.parents[1]
    libraries = package.with_name(f"{package.name}.libs")  # found from the programs by a relative path
    with tempfile.TemporaryDirectory(prefix=_SOCKET_PREFIX, dir=_short_directory()) as copy:
        user.own(Path(copy))
        shutil.copytree(programs.parent, Path(copy) / package.name / programs.parent.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, Path(copy) / libraries.name, symlinks=True)
        yield Path(copy) / package.name / programs.parent.name / programs.name


def write_access_rules(data: Path, user: SystemUser) -> None:
    """Let in whoever the kernel says is this user or root, as any role, and nobody else."""
    rules = {
        "pg_hba.conf": "local all all peer map=whisper\n",
        "pg_ident.conf": f'whisper "{user.name}" all\nwhisper root all\n',
    }
    for name, text in rules.items():
        with user.create(data / name) as file:
            file.write(text.encode())


def make_socket_dir(user: SystemUser) -> Path:
    """Make a directory with a short path that nobody else can enter."""
    made = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir=_short_directory()))  # has mode 0700
    user.own(made)
    return made


def remove_socket_dir(socket_dir: Path) -> None:
    """Remove what `make_socket_dir` made; another directory is left alone."""
    if socket_dir.name.startswith(_SOCKET_PREFIX):
        shutil.rmtree(socket_dir, ignore_errors=True)


def _short_directory() -> Path:
    for place in (Path(os.sep, "tmp"), Path(tempfile.gettempdir())):
        path = os.fsencode(place / f"{_SOCKET_PREFIX}12345678" / SOCKET_NAME)
        if len(path) <= SOCKET_PATH_BYTES and os.access(place, os.W_OK | os.X_OK):
            return place
    raise OSError("there is no directory with a short path for its socket")
