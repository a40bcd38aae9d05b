"""Program of this project, forked from a process that has imported it: half a second of CPU less each."""

import gc
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any

# What programs import, but for their workers: these are started anew, as always.
_IMPORTED = (
    "alembic.command",
    "alembic.config",
    "app.__main__",
    "app.lazy_imports",
    "app.server.draining_loop",
    "app.server.http_protocol",
    "app.server.worker_app",
    "tests.deadlines",
    "tests.push_service.__main__",
    "uvicorn.lifespan.on",
)

_forks = multiprocessing.get_context("forkserver")


def preload(*modules: str) -> None:
    """Import these *modules*, too, where programs are forked from; it must be said before the first is."""
    _forks.set_forkserver_preload([*_IMPORTED, __name__, *modules])


preload()


class ForkedProgram:
    """A running module, with what tests use of `Popen`."""

    def __init__(self, module: str, arguments: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._arguments = (module, *arguments)
        readable, output = os.pipe()
        typed, writable = os.pipe()
        self.stdout = os.fdopen(readable, encoding="utf-8")
        self.stdin: IO[str] = os.fdopen(writable, "w", encoding="utf-8")
        passed = _Passed(typed), _Passed(output)
        self._process = _forks.Process(target=_run, args=(self._arguments, dict(env), cwd, *passed))
        try:
            self._process.start()
        finally:
            os.close(typed)
            os.close(output)
        self.pid = self._process.pid or 0
        self.terminate = self._process.terminate
        self.kill = self._process.kill

    def poll(self) -> int | None:
        """Return the exit status, if it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Return the exit status, once it has ended."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._arguments, timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def close(self) -> None:
        """Close what belongs to it, once it has ended."""
        self.stdin.close()
        self.stdout.close()
        self._process.close()


class _Passed:
    """A file descriptor that is passed on to the process that is started."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _take, (DupFd(self._descriptor),)


def _take(passed: Any) -> int:  # noqa: ANN401 - the standard library's, without a name
    descriptor: int = passed.detach()
    return descriptor


def _run(command: Sequence[str], env: Mapping[str, str], cwd: Path, typed: int, output: int) -> None:
    gc.freeze()
    for passed, *numbers in ((typed, 0), (output, 1, 2)):
        for number in numbers:
            os.dup2(passed, number)
        os.close(passed)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    tempfile.tempdir = None  # it is found anew
    os.environ.update(env)
    # No test meets a certificate of a public authority: to read them all costs each program 17 ms of CPU.
    os.environ.setdefault("SSL_CERT_FILE", os.devnull)
    os.chdir(cwd)
    module, *sys.argv[1:] = command
    sys.modules.pop(f"{module}.__main__", None)  # or it is told that it was imported before
    runpy.run_module(module, run_name="__main__")
