"""The `whisper vapid` command, and the defaults of the VAPID settings."""

import logging
import os
import re
from io import StringIO
from pathlib import Path
from tempfile import NamedTemporaryFile

from dotenv import dotenv_values

from app.push.vapid import VapidKey, parse_keys
from app.settings import PREFIX, InvalidSettings, Settings
from app.vapid_key_file import load_key, load_or_create_key, rotate_key

log = logging.getLogger(__name__)

_KEY_VARIABLE = f"{PREFIX}VAPID_PRIVATE_KEY"
_SUBJECT_VARIABLE = f"{PREFIX}VAPID_SUBJECT"

# Good enough for a first try: some push services refuse a subject where they cannot reach the operator.
PLACEHOLDER_SUBJECT = "mailto:operator@example.org"


def run_vapid_command(settings: Settings, *, keep: bool, rotate: bool) -> int:
    """Print a new key as lines of `.env`, or the public key of the one in the data directory; return 0.

    Raise `InvalidSettings` if there is no key to rotate, or the file in the data directory holds none.
    """
    if rotate:
        _rotate(settings)
    elif keep and settings.vapid_private_key:
        print(f"{PREFIX}VAPID_PRIVATE_KEY is set: no other key is needed.")
    elif keep:
        print(f"The public key: {parse_keys(load_or_create_key(settings.data_dir))[0].public_text}")
    else:
        print(_format_variable(VapidKey.generate()))
        print(f"{PREFIX}VAPID_SUBJECT=mailto:you@your.domain")
    return 0


def write_key(file: Path) -> None:
    """Add a new key to *file*, a .env, with mode 0600, and print the public key.

    Raise `InvalidSettings` if the file has a key, or can't be written.
    """
    key = VapidKey.generate()
    try:
        target = file.resolve()
        text = target.read_text(encoding="utf-8") if target.exists() else ""
        values = dotenv_values(stream=StringIO(text))
        if values.get(_KEY_VARIABLE):
            raise InvalidSettings(
                f"{file} has a {_KEY_VARIABLE}: `whisper vapid --rotate` prints a newer one beside it."
            )
        text = _set_variable(text, _KEY_VARIABLE, key.private_text)
        if not values.get(_SUBJECT_VARIABLE):
            text = _set_variable(text, _SUBJECT_VARIABLE, "mailto:you@your.domain")
        _replace_file(target, text)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{file} can't be written: {getattr(error, 'strerror', error)}.") from None
    print(f"The public key: {key.public_text}")


def _set_variable(text: str, name: str, value: str) -> str:
    """Return the text of a .env with a variable: in place of its empty or commented line, or at the end."""
    line = f"{name}={value}"
    changed, found = re.subn(rf"^#?{name}=.*$", line, text, count=1, flags=re.MULTILINE)
    if found:
        return changed
    newline = "" if text.endswith("\n") or not text else "\n"
    return f"{text}{newline}{line}\n"


def _replace_file(target: Path, text: str) -> None:
    """Write a file whole or not at all, readable for its owner alone; the owner stays."""
    with NamedTemporaryFile(
        "w", dir=target.parent, prefix=target.name, encoding="utf-8", delete=False
    ) as whole:
        try:  # it has mode 0600
            whole.write(text)
            whole.flush()
            os.fsync(whole.fileno())
            if target.exists():
                os.chown(whole.fileno(), target.stat().st_uid, target.stat().st_gid)
            Path(whole.name).replace(target)
        except BaseException:
            Path(whole.name).unlink(missing_ok=True)
            raise


def fill_defaults(settings: Settings) -> dict[str, str]:
    """Return the VAPID settings that the operator left out, where there is a default."""
    embedded = settings.database_url is None
    defaults: dict[str, str] = {}
    if settings.vapid_private_key is None:
        key = load_or_create_key(settings.data_dir) if embedded else load_key(settings.data_dir)
        defaults |= {"vapid_private_key": key} if key else {}
    if settings.vapid_subject is None and embedded:
        log.warning("%sVAPID_SUBJECT is not set: push services could not reach you, some will refuse", PREFIX)
        defaults["vapid_subject"] = PLACEHOLDER_SUBJECT
    return defaults


def _rotate(settings: Settings) -> None:
    configured = settings.vapid_private_key
    if configured is None:
        newest = parse_keys(rotate_key(settings.data_dir))[0]
        print(f"The public key after a restart: {newest.public_text}")
        return
    settings.require_vapid()
    print("# Replaces the line that is there: the older keys go on signing for subscriptions made with them.")
    print(_format_variable(VapidKey.generate(), *parse_keys(configured.get_secret_value())))


def _format_variable(newest: VapidKey, *older: VapidKey) -> str:
    keys = ",".join(key.private_text for key in (newest, *older))
    public = f"# The public key, which clients get from /config: {newest.public_text}"
    return f"{public}\n{PREFIX}VAPID_PRIVATE_KEY={keys}"
