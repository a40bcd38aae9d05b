"""Running uvicorn: one process, or several that share a port and count together."""

import os
from contextlib import suppress
from tempfile import TemporaryDirectory

from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.telemetry.metrics import SHARED


class Workers(Multiprocess):
    """Worker processes that share a port."""

    def terminate_all(self) -> None:
        """End every worker, and let nobody connect to a port at which no one answers any more."""
        for listening in self.sockets:
            listening.close()
        super().terminate_all()

    @property
    def status(self) -> int:
        """The exit status: a worker that could not start is a server that could not."""
        return max(STARTUP_FAILURE * (each.exitcode == STARTUP_FAILURE) for each in self.processes)


def run(config: Config) -> int:
    """Serve until a signal ends it; return the exit status."""
    with suppress(KeyboardInterrupt):
        return _alone(config) if config.workers == 1 else _together(config)
    return 0


def _alone(config: Config) -> int:
    config.load_app()
    server = Server(config)
    server.run()
    return 0 if server.started else STARTUP_FAILURE


def _together(config: Config) -> int:
    with TemporaryDirectory(prefix="whisper-metrics-") as shared:
        os.environ[SHARED] = shared  # workers inherit it
        workers = Workers(config, [config.bind_socket()])
        workers.run()
        return workers.status
