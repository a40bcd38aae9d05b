"""Data directory: its creation and mode, its lock files, and the check that it can be written."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from app.settings import InvalidSettings

# What this server keeps there. A directory with anything else in it is an operator's: its mode stays.
_OURS = ("postgres", "vapid_private_key")


def ensure_directory(data_dir: Path) -> Path:
    """Return *data_dir*, which is nobody else's to enter, made if it was not there.

    Raise `InvalidSettings` when it can't be written.
    """
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        data_dir.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InvalidSettings(f"WHISPER_DATA_DIR: {data_dir} can't be made: {error.strerror}.") from None
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise InvalidSettings(f"WHISPER_DATA_DIR: {data_dir} can't be written.")
    _close_to_others(data_dir)
    return data_dir


def open_lock(path: Path) -> BinaryIO:
    """Open a file to lock, of mode 0600 also if it was there: whoever can open it can hold the lock."""
    opened = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb")
    if os.fstat(opened.fileno()).st_uid == os.geteuid():
        os.fchmod(opened.fileno(), 0o600)
    return opened


def _close_to_others(directory: Path) -> None:
    found = directory.stat()
    if found.st_uid != os.geteuid() or not all(entry.name.startswith(_OURS) for entry in directory.iterdir()):
        return
    # As root, the group is that of the embedded Postgres' user, who passes through.
    kept = stat.S_IRWXU | (stat.S_IXGRP if os.geteuid() == 0 and found.st_gid != 0 else 0)
    if stat.S_IMODE(found.st_mode) & ~kept:
        directory.chmod(stat.S_IMODE(found.st_mode) & kept)
