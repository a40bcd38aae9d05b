"""IP allow-list for /metrics."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from starlette.requests import Request

# With these a proxy that the operator did not name says that it speaks for another client.
_FORWARDING = ("x-forwarded-for", "forwarded")


class MetricsAccess:
    """Allow-list of *networks*. With trusted proxies, a client's address is the one that they tell."""

    def __init__(self, networks: Sequence[str], *, has_proxies: bool) -> None:
        self._networks = [ip_network(network) for network in networks]
        self._has_proxies = has_proxies

    def allows(self, request: Request) -> bool:
        """Tell whether *request* comes from there, and not through a proxy that is not trusted."""
        if not self._has_proxies and any(name in request.headers for name in _FORWARDING):
            return False
        try:
            address = ip_address(request.client.host if request.client else "")
        except ValueError:
            return False  # a socket without addresses
        return any(address in network for network in self._networks)
