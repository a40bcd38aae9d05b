"""Process supervisor: one server process, or several workers with shared sockets and shared limits."""

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from socket import socket
from tempfile import TemporaryDirectory

from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE

from app.server.listener import bind, bind_metrics
from app.settings import Settings
from app.telemetry.log_format import log_config
from app.telemetry.metrics import SHARED, forget_process

log = logging.getLogger("whisper")

APP = "app.server.worker_app:create_app"
GRACE_S = 10  # requests in flight at SIGTERM may take this long
END_S = GRACE_S + 10  # a worker that takes longer is killed
PAUSE_S = 0.5  # before a worker that died is replaced

# Besides every address (`0.0.0.0`, `::`), a browser on this machine reaches these as localhost.
_LOCALHOST = (ip_address("127.0.0.1"), ip_address("::1"))

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(settings: Settings, app: str = APP) -> int:
    """Serve *app*, the import string of a factory, until a signal ends it; return the exit status."""
    listening = [*bind(settings.host, settings.port), *bind_metrics(settings.metrics_listen)]
    with suppress(KeyboardInterrupt):
        if settings.workers == 1:
            return _run_server(settings, app, listening)
        with TemporaryDirectory(prefix="whisper-metrics-") as shared:
            os.environ[SHARED] = shared  # workers inherit it
            _log_url(settings, listening)
            return Workers(settings, app, listening).run()
    return 0


class Workers:
    """Worker processes that share listening sockets; one that dies is replaced."""

    def __init__(self, settings: Settings, app: str, listening: list[socket]) -> None:
        self._settings = settings
        self._app = app
        self._listening = listening
        self._processes: list[SpawnProcess] = []

    def run(self) -> int:
        """Supervise until a signal comes or a worker can't start; return the exit status."""
        status = 0
        with _stop_signals() as stopped:
            self._processes = [self._start() for _ in range(self._settings.workers)]
            while not status and not stopped.poll():
                wait([stopped, *(each.sentinel for each in self._processes)])
                status = self._replace_dead(stopped)
            self._end()
        return status

    def _start(self) -> SpawnProcess:
        arguments = (self._settings, self._app, self._listening)
        process = multiprocessing.get_context("spawn").Process(
            target=_run_worker, args=arguments, daemon=True
        )
        process.start()
        return process

    def _replace_dead(self, stopped: Connection) -> int:
        for number, process in enumerate(self._processes):
            if process.exitcode is None or stopped.poll(PAUSE_S):
                continue
            if process.exitcode == STARTUP_FAILURE:  # the next would fail the same way
                return STARTUP_FAILURE
            log.warning("worker %s died, and is replaced", process.pid)
            if process.pid:
                forget_process(process.pid)
            self._processes[number] = self._start()
        return 0

    def _end(self) -> None:
        for each in self._listening:  # or clients connect to a port at which nobody answers any more
            each.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(END_S)
            process.kill()
            process.join()


@contextmanager
def _stop_signals() -> Iterator[Connection]:
    """Yield a connection that becomes readable when a signal asks this process to stop."""
    stopped, stop = multiprocessing.Pipe(duplex=False)
    before = {number: signal.signal(number, lambda *_: stop.close()) for number in STOP_SIGNALS}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_worker(settings: Settings, app: str, listening: list[socket]) -> None:
    signal.signal(
        signal.SIGHUP, signal.SIG_IGN
    )  # a closed terminal tells every process; the supervisor decides
    with suppress(KeyboardInterrupt):
        sys.exit(_run_server(settings, app, listening))


def _run_server(settings: Settings, app: str, listening: list[socket]) -> int:
    config = Config(
        app,
        factory=True,
        interface="asgi3",
        lifespan="on",
        log_config=log_config(settings.log_level, settings.log_format),
        access_log=False,
        server_header=False,
        http="app.server.http_protocol:HttpProtocol",
        loop="app.server.draining_loop:DrainingLoop",
        ws="none",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=GRACE_S,
    )
    config.load_app()
    server = AnnouncedServer(config, settings)
    server.run(listening)
    return 0 if server.started else STARTUP_FAILURE


class AnnouncedServer(Server):
    """uvicorn's server, which tells where it is once it listens; for workers their supervisor does."""

    def __init__(self, config: Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start the application, and listen."""
        await super().startup(sockets)
        if self.started and self._settings.workers == 1:
            _log_url(self._settings, sockets or [])


def _log_url(settings: Settings, listening: list[socket]) -> None:
    log.info("Open %s (Ctrl-C to stop)", url_to_open(settings.host, listening[0].getsockname()[1]))


def url_to_open(host: str, port: int) -> str:
    """Return the one URL at which people on this machine open the app: each has an identity of its own."""
    with suppress(ValueError):  # a name stays
        address = ip_address(host)
        host = "localhost" if address.is_unspecified or address in _LOCALHOST else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
