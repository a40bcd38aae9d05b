"""Checks of settings: unknown variables, VAPID key and subject, TURN secret, file descriptors."""

import os
import resource
from collections.abc import Iterator

from dotenv import dotenv_values

from app.doctor.finding import Finding
from app.push.vapid import InvalidVapidKey, InvalidVapidSubject, check_subject, is_placeholder, parse_keys
from app.settings import PREFIX, InvalidSettings, Settings
from app.vapid_key_file import load_key

SPARE_FILES = 256  # for the database's connections, files, a margin
# The TURN secret of .env.example, which everybody can read.
EXAMPLE_OF_TURN = "everyone-knows-this-secret"


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Check what can be judged without asking anybody else."""
    yield from _find_unknown_variables()
    yield Finding("VAPID key", _explain_key(settings))
    yield Finding(f"VAPID subject {settings.vapid_subject or ''}".rstrip(), _explain_subject(settings))
    if settings.turn_secret and settings.ice_servers:
        published = settings.turn_secret.get_secret_value() == EXAMPLE_OF_TURN
        yield Finding("TURN secret", f"everyone knows it: change {PREFIX}TURN_SECRET" if published else None)
    yield _check_file_descriptors(settings.max_in_flight)


def _find_unknown_variables() -> Iterator[Finding]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    given = os.environ.keys() | dotenv_values(".env").keys()
    for name in sorted(given - known):
        if name.startswith(PREFIX):
            yield Finding(f"variable {name}", "there is no such setting: see .env.example")


def _explain_key(settings: Settings) -> str | None:
    given = settings.vapid_private_key
    try:
        if given:
            parse_keys(given.get_secret_value())
        elif load_key(settings.data_dir) is None and settings.database_url:  # the embedded one makes its own
            return "`whisper vapid --keep` makes one"
    except InvalidVapidKey as fault:
        return f"it is {fault}: see {PREFIX}VAPID_PRIVATE_KEY"
    except InvalidSettings as fault:
        return str(fault)
    return None


def _explain_subject(settings: Settings) -> str | None:
    subject = settings.vapid_subject
    if subject is None or is_placeholder(subject):
        return f"set {PREFIX}VAPID_SUBJECT to a mailto: or https: where push services can reach you"
    try:
        check_subject(subject, for_browsers=settings.endpoint_policy.has_browsers)
    except InvalidVapidSubject as fault:
        return f"{fault}: see {PREFIX}VAPID_SUBJECT"
    return None


def _check_file_descriptors(max_in_flight: int) -> Finding:
    """Each call in flight may need a connection to a push service beside that of its client."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * max_in_flight + SPARE_FILES
    is_enough = most == resource.RLIM_INFINITY or most >= needed
    remedy = f"{most} are too few for {PREFIX}MAX_IN_FLIGHT={max_in_flight}: allow {needed} with `ulimit -n`"
    return Finding("file descriptors", None if is_enough else remedy)
