"""Data directory: its creation, and the check that it can be written."""

import os
from pathlib import Path

from app.settings import InvalidSettings


def ensure_directory(data_dir: Path) -> Path:
    """Return *data_dir*, made if it was not there. Raise `InvalidSettings` when it can't be written."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSettings(f"WHISPER_DATA_DIR: {data_dir} can't be made: {error.strerror}.") from None
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise InvalidSettings(f"WHISPER_DATA_DIR: {data_dir} can't be written.")
    return data_dir
