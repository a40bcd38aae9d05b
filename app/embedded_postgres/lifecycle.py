"""Lifecycle of the embedded Postgres: it runs for as long as any process uses it.

Nothing of it depends on the path of the data or of the wheel, or on the locale: both are an operator's, and
may have any character. Nobody else can connect: the socket is in a directory of mode 0700, and Postgres asks
the kernel who is at the other end (peer authentication).
"""

import fcntl
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app import lazy_imports
from app.data_dir import ensure_directory, open_lock
from app.embedded_postgres.postgres_process import EmbeddedPostgres
from app.settings import InvalidSettings

log = logging.getLogger(__name__)

USERS_LOCK = "postgres.lock"  # shared by all who use it: the last one stops it


@contextmanager
def run_embedded_postgres(data_dir: Path) -> Iterator[str]:
    """Run a Postgres with its data in *data_dir*, and yield its URL; it stops with the last who uses it.

    One that is killed is started again. Raise `InvalidSettings`, in one line, when it can't be run.
    """
    try:
        programs = lazy_imports.pgserver()
    except lazy_imports.MissingExtra as missing:
        raise InvalidSettings(f"WHISPER_DATABASE_URL is missing. {missing}, or name a database.") from None
    directory = ensure_directory(data_dir).resolve()
    with open_lock(directory / USERS_LOCK) as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # let go even by a process that is killed
        server = EmbeddedPostgres(directory, programs)
        try:
            server.ensure_running()
            log.info("an embedded Postgres keeps its data in %s", server.data)
            with _watch(server):
                yield server.url
        finally:
            if _is_last(users):
                server.stop()


@contextmanager
def _watch(server: EmbeddedPostgres) -> Iterator[None]:
    ended = threading.Event()
    watcher = threading.Thread(target=server.keep_running, args=(ended,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _is_last(users: IO[bytes]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
