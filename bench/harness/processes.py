"""Processes of the benchmarks: started, found listening, and ended by their process id."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from app.push.vapid import VapidKey

ROOT = Path(__file__).parents[2]
WHISPER = str(Path(sys.executable).parent / "whisper")
TIMEOUT_S = 60
MB = 1_000_000

# Limits stay on, as in production, and are never reached.
_NEVER_REACHED = "100000000/1s"
_LIMITS = (
    *("DIAL", "CALLS", "CLIENT_CALLS", "RECIPIENT", "RECIPIENT_HOUR"),
    *("UPDATES", "NEW_ADDRESSES", "REFUSED_SIGNATURES", "UNKNOWN_RECIPIENTS", "UNREGISTERED_SENDERS"),
)

# The server's key, with which all users registered.
VAPID = VapidKey.generate()

# One for all, with a connection for each request: each client reads all authorities.
_http = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))

_PORT = re.compile(r"http://[^: ]+:([1-9][0-9]*)")


class Program:
    """A running program and all the processes that it started."""

    def __init__(self, pid: int, port: int, output: Path) -> None:
        self.port = port
        self._process = psutil.Process(pid)
        self._output = output

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """Everything that it has printed."""
        return self._output.read_text()

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used so far, in user and in system mode."""
        return sum(times.user + times.system for times in [each.cpu_times() for each in self._processes()])

    def memory(self) -> float:
        """Return the RSS of its largest process, in MB."""
        return max(each.memory_info().rss for each in self._processes()) / MB

    def _processes(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


@contextmanager
def program(
    arguments: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[Program]:
    """Run a program that prints where it listens, until the block ends."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WHISPER_")}
    environment = inherited | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | dict(env or {})
    with tempfile.TemporaryDirectory(prefix="bench") as home:
        output = Path(home) / "output"
        with (
            output.open("wb") as written,
            subprocess.Popen(
                arguments, stdout=written, stderr=subprocess.STDOUT, cwd=cwd or home, env=environment
            ) as process,
        ):
            try:
                yield Program(process.pid, _port(process, output), output)
            finally:
                process.terminate()


def _port(process: "subprocess.Popen[bytes]", output: Path) -> int:
    deadline = time.monotonic() + TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        if found := _PORT.search(output.read_text()):
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen:\n{output.read_text()}")


@contextmanager
def push_stub(delay: float = 0, tls: Path | None = None) -> Iterator[Program]:
    """Run the push service stub, which accepts every message after *delay* seconds; *tls*: over TLS too."""
    secure = ["--tls", str(tls)] if tls else []
    with program([sys.executable, "-m", "bench.harness.push_stub", "--delay", str(delay), *secure]) as stub:
        yield stub


def count_pushes(stub: Program) -> int:
    """Return how many messages the stub has accepted so far."""
    return change_stub(stub, "")


def change_stub(stub: Program, change: str) -> int:
    """Make the stub answer otherwise from now on, as in `delay/0.1` or `close/1`; return its count."""
    return int(_http.get(f"{stub.url}/{change}").text)


@contextmanager
def whisper(
    database_url: str,
    origins: Sequence[str],
    workers: int = 1,
    command: Sequence[str] = (WHISPER,),
    settings: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Run the server as an operator does, allowed to send to *origins*, with more *settings*."""
    env = {
        "WHISPER_DATABASE_URL": database_url,
        "WHISPER_PORT": "0",
        "WHISPER_PUSH_ENDPOINTS": ",".join(origins),
        "WHISPER_VAPID_PRIVATE_KEY": VAPID.private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_WORKERS": str(workers),
    } | {f"WHISPER_LIMIT_{name}": _NEVER_REACHED for name in _LIMITS}
    with program([*command, "serve"], env | dict(settings or {})) as server:
        _wait_until_ready(server)
        yield server


def _wait_until_ready(server: Program) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            _http.get(f"{server.url}/readyz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server does not become ready")
