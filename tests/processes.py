"""Programs as a person starts them: read by lines, ended by their process id."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from queue import Empty, Queue

from tests.forked_program import ForkedProgram

ROOT = Path(__file__).parents[1]
WHISPER = str(Path(sys.executable).parent / "whisper")
PATIENCE_S = 30

# Programs of ours, and the one that migrates, each with its module.
FORKED = {
    (sys.executable, "-m", "alembic"): "alembic",
    (WHISPER,): "app",
    (sys.executable, "-m", "tests.short_deadline_server"): "tests.short_deadline_server",
    (sys.executable, "-m", "tests.push_service"): "tests.push_service",
    (sys.executable, "-m", "whisper_peer"): "whisper_peer",
}


class Program:
    """A running program."""

    def __init__(self, process: subprocess.Popen[str] | ForkedProgram) -> None:
        self.process = process
        self.lines: list[str] = []
        self._unread: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def output(self) -> str:
        """All that it has printed."""
        return "\n".join(self.lines)

    def wait_for(self, text: str, seconds: float = PATIENCE_S) -> str:
        """Return the next unread line that has *text*."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._unread.get(timeout=max(0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"no line with {text!r} in:\n{self.output}") from None
            if text in line:
                return line

    def type(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end_input(self) -> None:
        """End its standard input, as Ctrl-D does."""
        assert self.process.stdin
        self.process.stdin.close()

    def ended(self, seconds: float = PATIENCE_S) -> int:
        """Return its exit status, once it has ended by itself."""
        status = self.process.wait(seconds)
        self._reader.join(seconds)
        return status

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.ended()

    def kill(self) -> None:
        """End it without asking, as a power cut does."""
        self.process.kill()
        self.ended()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._unread.put(self.lines[-1])


@contextmanager
def program(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Iterator[Program]:
    """Start a program, its error output among its output, and end it with the block."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WHISPER_")}
    settings = inherited | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | dict(env or {})
    with _start(
        arguments, settings, cwd, may_fork=all(name.startswith(("WHISPER_", "TMPDIR")) for name in env or ())
    ) as process:
        started = Program(process)
        try:
            yield started
        finally:
            started.stop()


def _start(
    arguments: Sequence[str], env: Mapping[str, str], cwd: Path, *, may_fork: bool
) -> AbstractContextManager[subprocess.Popen[str] | ForkedProgram]:
    """Start a program; ours are forked, unless the interpreter would differ, or coverage is measured."""
    for command, module in FORKED.items():
        if may_fork and arguments[: len(command)] == command and "COVERAGE_RUN" not in env:
            return closing(ForkedProgram(module, arguments[len(command) :], env, cwd))
    return subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=env,
    )


def whisper(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a `whisper` command to its end; return its exit status and what it printed."""
    with program(WHISPER, *arguments, env=env, cwd=cwd) as running:
        return running.ended(), running.output


def missing(*names: str) -> list[str]:
    """Return which of these programs are not installed here."""
    return [name for name in names if where(name) is None]


def where(name: str) -> str | None:
    """Return the path of a program, also of one that only root has in its path, and of Debian's Postgres."""
    postgres = ":".join(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:{postgres}")


def installed(name: str) -> str:
    """Return the path of a program that is installed."""
    path = where(name)
    assert path, f"{name} is not installed"
    return path
