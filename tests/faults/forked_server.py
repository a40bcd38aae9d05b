"""Server process forked from one that has imported everything: many can be started in little time."""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from app.main import create_app  # noqa: F401 - imported before the fork, not after each
from app.server.supervisor import serve
from app.settings import load

PATIENCE_S = 30

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])


def _run(env: Mapping[str, str], home: Path, log: Path) -> None:
    os.environ.update(env)
    os.chdir(home)
    output = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    sys.exit(serve(load(port=0)))


@contextmanager
def run_forked_server(env: Mapping[str, str]) -> Iterator[tuple[ForkServerProcess, str]]:
    """Run a server with the settings *env*; yield its process and its URL, and kill it with the block."""
    with tempfile.TemporaryDirectory(prefix="server") as home:
        log = Path(home) / "log"
        log.touch()
        process = _forks.Process(target=_run, args=(env, Path(home), log))
        process.start()
        try:
            yield process, _wait_for_url(log)
        finally:
            process.kill()
            process.join()
            process.close()


def _wait_for_url(log: Path) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        _, _, rest = log.read_text().partition("Open ")
        url, found, _ = rest.partition(" ")
        if found:
            return url
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)
