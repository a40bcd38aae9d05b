"""The server's own key, for its operator: printed, kept, rotated, and filled in where it has a default."""

import logging

from app.data_dir import load_key, load_or_create_key, rotate_key
from app.push.vapid import VapidKey, parse_keys
from app.settings import PREFIX, Settings

log = logging.getLogger(__name__)

# Enough for trying things out; push services want to be able to reach a real server's operator.
PLACEHOLDER_SUBJECT = "mailto:operator@example.org"


def print_key(settings: Settings, *, keep: bool, rotate: bool) -> int:
    """Print a key as `.env` takes it, or what was kept; return the exit status.

    Raise `InvalidSettings` when there is none to rotate, or what is there is none.
    """
    if rotate:
        _rotate(settings)
    elif keep and settings.vapid_private_key:
        print(f"{PREFIX}VAPID_PRIVATE_KEY is set: no other key is needed.")
    elif keep:
        print(f"The public key: {parse_keys(load_or_create_key(settings.data_dir))[0].public_text}")
    else:
        print(_variable(VapidKey.generate()))
        print(f"{PREFIX}VAPID_SUBJECT=mailto:you@your.domain")
    return 0


def fill_defaults(settings: Settings) -> dict[str, str]:
    """Return the settings that the operator leaves out, where there is a default."""
    alone = settings.database_url is None
    found: dict[str, str] = {}
    if settings.vapid_private_key is None:
        key = load_or_create_key(settings.data_dir) if alone else load_key(settings.data_dir)
        found |= {"vapid_private_key": key} if key else {}
    if settings.vapid_subject is None and alone:
        log.warning("%sVAPID_SUBJECT is not set: push services could not reach you, some will refuse", PREFIX)
        found["vapid_subject"] = PLACEHOLDER_SUBJECT
    return found


def _rotate(settings: Settings) -> None:
    given = settings.vapid_private_key
    if given is None:
        newest = parse_keys(rotate_key(settings.data_dir))[0]
        print(f"The public key after a restart: {newest.public_text}")
        return
    settings.require_vapid()
    print("# In place of the line that is there: the keys before go on serving those who came with them.")
    print(_variable(VapidKey.generate(), *parse_keys(given.get_secret_value())))


def _variable(newest: VapidKey, *older: VapidKey) -> str:
    keys = ",".join(key.private_text for key in (newest, *older))
    public = f"# The public key, which clients get from /config: {newest.public_text}"
    return f"{public}\n{PREFIX}VAPID_PRIVATE_KEY={keys}"
