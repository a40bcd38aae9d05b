"""Endpoint policy: the push services that an operator allows, by name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from app.protocol.subscription import Endpoint
from app.push.errors import EndpointNotAllowed
from app.push.special_use_domains import special_use_label

# The push services of the browsers and whose they are: whole names or, with a leading dot, all below a name.
BROWSER_HOSTS = {
    "fcm.googleapis.com": "google",  # Chrome, Edge on Android, Opera, Samsung
    "jmt17.google.com": "google",  # builds of Chromium
    ".push.services.mozilla.com": "mozilla",  # Firefox
    ".push.apple.com": "apple",  # Safari
    ".notify.windows.com": "microsoft",  # Edge on Windows
}
TRUSTED = "trusted"  # any origin that the operator named
UNTRUSTED = "other"  # any other host: whoever registers may have chosen it

SERVICES = (*dict.fromkeys(BROWSER_HOSTS.values()), TRUSTED, UNTRUSTED)

HTTPS_PORT = 443

_HOSTS_KEPT = 256  # whose owner is at hand: each call asks for one

# A public name: two labels or more, not an address.
_PUBLIC_NAME = re.compile(r"(?:[^.]+\.)+(?:[a-z]{2,}|xn--[a-z0-9-]+)")


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """Push services that an operator allows.

    *browsers*: the browsers' own. *public*: any public https host. *origins*: trusted exactly as given.
    """

    browsers: bool = False
    public: bool = False
    origins: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, names: Sequence[str]) -> Self:
        """Take `browsers`, `public` and origins like `http://127.0.0.1:8100`. Raise `ValueError` for more."""
        origins = [name for name in names if name not in ("browsers", "public")]
        return cls("browsers" in names, "public" in names, frozenset(map(_parse_origin, origins)))

    @property
    def has_browsers(self) -> bool:
        """Whether the browsers' own push services are allowed."""
        return self.browsers or self.public

    def classify(self, endpoint: Endpoint) -> str:
        """Return whose push service *endpoint* is at: one of a fixed few names."""
        if endpoint.origin in self.origins:
            return TRUSTED
        return _owner_of(endpoint.host)

    def admit(self, endpoint: Endpoint) -> str:
        """Return whose push service *endpoint* is at. Raise `EndpointNotAllowed` unless it may be reached."""
        service = self.classify(endpoint)
        if service == TRUSTED:  # then its port, its scheme and its address are the operator's choice
            return service
        is_standard = endpoint.scheme == "https" and endpoint.port == HTTPS_PORT
        is_named = self.public and _is_public_name(endpoint.host)
        if is_standard and (is_named if service == UNTRUSTED else self.has_browsers):
            return service
        raise EndpointNotAllowed


def _parse_origin(text: str) -> str:
    if text.count("/") != len("//"):
        raise ValueError("is not a plain https URL of a push service: an origin has no path")
    return Endpoint.parse(f"{text}/").origin


@lru_cache(_HOSTS_KEPT)
def _owner_of(host: str) -> str:
    """Return whose push service the browsers reach at *host*."""
    owners = (owner for allowed, owner in BROWSER_HOSTS.items() if _matches(host, allowed))
    return next(owners, UNTRUSTED)


def _matches(host: str, allowed: str) -> bool:
    return host.endswith(allowed) if allowed.startswith(".") else host == allowed


def _is_public_name(host: str) -> bool:
    return bool(_PUBLIC_NAME.fullmatch(host)) and special_use_label(host) is None
