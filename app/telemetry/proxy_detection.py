"""Detection of a reverse proxy whose X-Forwarded-For is not trusted, so that all clients share its limits."""

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address

log = logging.getLogger(__name__)

# Enough not to take one client in the same network, which may send the header too, for a proxy.
REQUESTS = 20

_FORWARDED = b"x-forwarded-for"

MAX_CLIENTS = 256  # whose addresses were judged lately


class UntrustedProxyDetector:
    """Detector of requests that come only through private addresses of untrusted proxies; it warns once.

    A trusted proxy, or a client that connects directly from a public address, ends the detection. Requests
    from private addresses without the header are probes and scrapers.
    """

    def __init__(self, detected: Callable[[], None]) -> None:
        self._detected = detected
        self._left = REQUESTS

    def observe(self, client: tuple[str, int] | None, headers: Mapping[bytes, bytes]) -> None:
        """Take a request into account, from its *client*'s address and with these *headers*."""
        if not self._left or client is None:
            return
        host, forwarded = client[0], headers.get(_FORWARDED)
        # A trusted proxy's header has replaced the address of the connection by one that it names.
        if _is_public(host) or (forwarded and host.encode() in forwarded):
            self._left = 0
        elif forwarded is not None:
            self._left -= 1
            if not self._left:
                self._report(host)

    def _report(self, host: str) -> None:
        self._detected()
        log.warning(
            "all requests come from %s, whose X-Forwarded-For is not trusted: all clients share the "
            "limits of one. If it is your proxy, name it in WHISPER_TRUSTED_PROXIES",
            host,
        )


@lru_cache(MAX_CLIENTS)
def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return False  # a Unix socket has no address
