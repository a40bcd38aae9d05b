"""`whisper` whose workers are forked, not spawned: `python -m tests.forked_workers serve --workers 2`.

Each has what a spawned worker has, for a tenth of its CPU: signals, open files and kind of metrics.
"""

import multiprocessing
import os
import signal
import sys
from multiprocessing.context import ForkContext, ForkProcess
from socket import socket

from prometheus_client import values

from app.__main__ import main
from app.server.supervisor import STOP_SIGNALS

FORKED_WORKERS = (sys.executable, "-m", "tests.forked_workers", "serve")


class _Worker(ForkProcess):
    """Worker process that has only those open files of its parent that it is given."""

    def run(self) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        _close_all_but(self._listening())
        values.ValueClass = values.get_value_class()  # it is chosen when the library is imported
        super().run()

    def _listening(self) -> list[socket]:
        *_, listening = self._args  # type: ignore[attr-defined]
        return list(listening)


def _close_all_but(sockets: list[socket]) -> None:
    parent = multiprocessing.parent_process()
    assert parent
    first = 3
    for kept in sorted([parent.sentinel, *(each.fileno() for each in sockets)]):
        os.closerange(first, kept)
        first = kept + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


class _Workers(ForkContext):
    """Context that forks where others spawn."""

    Process = _Worker


if __name__ == "__main__":
    multiprocessing.context._concrete_contexts["spawn"] = _Workers()  # type: ignore[attr-defined]  # noqa: SLF001
    sys.exit(main())
