"""Who is near enough to be told what only an operator needs."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from starlette.requests import Request

# A proxy that the operator did not name says with these that it speaks for somebody else.
_FORWARDING = ("x-forwarded-for", "forwarded")


class MetricsAccess:
    """Those in some *networks*. With trusted proxies, a client's address is what they say it is."""

    def __init__(self, networks: Sequence[str], *, has_proxies: bool) -> None:
        self._networks = [ip_network(network) for network in networks]
        self._has_proxies = has_proxies

    def allows(self, request: Request) -> bool:
        """Tell whether *request* comes from there, and not through a proxy that nobody vouches for."""
        if not self._has_proxies and any(name in request.headers for name in _FORWARDING):
            return False
        try:
            address = ip_address(request.client.host if request.client else "")
        except ValueError:
            return False  # a socket without addresses
        return any(address in network for network in self._networks)
