"""Process-wide settings: logging, garbage collection, signals, and shutdown with the parent process."""

import asyncio
import gc
import multiprocessing
import os
import resource
import signal
from types import FrameType
from typing import NoReturn

from app.telemetry.log_format import omit_origins
from app.telemetry.metrics import omit_created_series

# Objects made and kept before the collector looks for garbage among them, and how often it then looks among
# older ones, too. It stops every call for as long as it looks: some 2 ms for the first. Calls leave it
# nothing to find, and those in flight are some hundred objects each: with 5 000, 512 calls that wait for a
# push service made it look several times a second. With 30 000, what refusals leave it was 2 MB more.
GC_THRESHOLDS = (10_000, 1, 120)

MAX_FILES = 65_536  # for one process, however many more it may have


def prepare_process() -> None:
    """Make the settings of libraries that hold for a whole process: for the command and its workers only."""
    omit_origins()
    omit_created_series()


def exit_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the process by unwinding, so that an embedded Postgres is stopped too."""
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGHUP, _terminate)  # a closed terminal; uvicorn handles SIGTERM, but not this one


def stop_with_parent() -> None:
    """Stop this worker when its parent is gone: nobody else would stop it, and it holds the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(parent.sentinel)  # it stays readable, and would be heard without end
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(parent.sentinel, stop)


def raise_file_limit() -> int:
    """Let this process have as many files open as it may, and return how many: each connection is one."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = max(now, MAX_FILES if most == resource.RLIM_INFINITY else min(most, MAX_FILES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return files


def freeze_gc() -> None:
    """Let the garbage collector skip the objects of start-up: they stay, and cost 60 ms each second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _exit(_: int, __: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _terminate(_: int, __: FrameType | None) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
