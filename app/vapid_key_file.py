"""VAPID key file in the data directory: load, creation and rotation."""

import logging
import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from app.data_dir import ensure_directory
from app.push.vapid import VapidKey, parse_keys
from app.settings import InvalidSettings

log = logging.getLogger(__name__)

KEY_FILE = "vapid_private_key"


def load_key(data_dir: Path) -> str | None:
    """Return the private VAPID key kept in *data_dir*, several as a setting has them; `None` for none.

    Raise `InvalidSettings` when the file can't be read, or holds no key.
    """
    file = data_dir / KEY_FILE
    try:
        text = file.read_text("utf-8", "replace").strip()
        parse_keys(text)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidSettings(f"{file} can't be read: {error.strerror}.") from None
    except ValueError:
        raise InvalidSettings(f"{file} holds no VAPID key: mend it, or remove it for a new one.") from None
    return text


def load_or_create_key(data_dir: Path) -> str:
    """Return the private VAPID key kept in *data_dir*; make it the first time, with mode 0600."""
    file = ensure_directory(data_dir) / KEY_FILE
    while (key := load_key(data_dir)) is None:
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=data_dir, prefix=KEY_FILE
        ) as whole:  # has mode 0600
            whole.write(VapidKey.generate().private_text + "\n")
            whole.flush()
            with suppress(FileExistsError):
                os.link(whole.name, file)  # whole or not at all, and never over another
                log.warning(
                    "a VAPID key was made and is kept in %s; subscriptions belong to it: back it up", file
                )
    return key


def rotate_key(data_dir: Path) -> str:
    """Put a new private VAPID key before those kept in *data_dir*; return all of them, as a setting has them.

    Raise `InvalidSettings` when there is none yet.
    """
    kept = load_key(data_dir)
    if kept is None:
        raise InvalidSettings("There is no VAPID key to rotate: `whisper vapid --keep` makes one.")
    keys = f"{VapidKey.generate().private_text},{kept}"
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=ensure_directory(data_dir), prefix=KEY_FILE, delete=False
    ) as whole:  # has mode 0600
        whole.write(keys + "\n")
        whole.flush()
        os.fsync(whole.fileno())
    Path(whole.name).replace(data_dir / KEY_FILE)
    return keys
