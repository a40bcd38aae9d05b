"""Push registration in a file: our subscription, and the push service's name for us, outlive the program."""

import fcntl
import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from whisper_peer.push_subscription import Subscription

_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class PushRegistration:
    """A subscription at *push_service*, which calls us *uaid*, for the server of *vapid_public_key*."""

    push_service: str
    uaid: str
    vapid_public_key: str
    subscription: Subscription


class RegistrationFile:
    """File of one program at a time: a second one with the same file gets a registration of its own."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    @classmethod
    def open(cls, file: Path | None) -> Self:
        """Open *file*, made if missing; nothing is kept without one, or where another program has it."""
        if file is None:
            return cls(None)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return cls(None)
        return cls(descriptor)

    def load(self, push_service: str) -> PushRegistration | None:
        """Return what was kept of *push_service*; a file that is damaged counts as none."""
        if self._descriptor is None:
            return None
        try:
            kept = _parse(json.loads(os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0)))
        except (ValueError, KeyError, TypeError):
            return None
        return kept if kept.push_service == push_service else None

    def save(self, registration: PushRegistration) -> None:
        """Keep *registration*."""
        if self._descriptor is not None:
            content = json.dumps(_as_json(registration)).encode()
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, content, 0)

    def close(self) -> None:
        """Let another program have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)


def _as_json(registration: PushRegistration) -> dict[str, str]:
    subscription = registration.subscription
    key = subscription.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return {
        "push_service": registration.push_service,
        "uaid": registration.uaid,
        "vapid_public_key": registration.vapid_public_key,
        "channel": subscription.channel,
        "endpoint": subscription.endpoint,
        "key": b64encode(key).decode(),
        "auth": b64encode(subscription.auth).decode(),
    }


def _parse(kept: dict[str, Any]) -> PushRegistration:
    key = load_der_private_key(b64decode(kept["key"]), None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise TypeError("not a key of a push subscription")
    subscription = Subscription(kept["channel"], kept["endpoint"], key, b64decode(kept["auth"]))
    return PushRegistration(kept["push_service"], kept["uaid"], kept["vapid_public_key"], subscription)
