"""Health probe: a request to `/livez` of the server that these settings describe."""

from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, ip_address

TIMEOUT_S = 4  # an orchestrator waits a little longer


class Unhealthy(Exception):
    """The server does not answer, or not that it is alive."""


def check_health(host: str, port: int) -> None:
    """Raise `Unhealthy` unless a server at *host* and *port* says that it is alive."""
    connection = HTTPConnection(_address_of(host), port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        status = connection.getresponse().status
    except (OSError, HTTPException) as fault:
        raise Unhealthy(f"there is no answer ({fault})") from None
    finally:
        connection.close()
    if status != HTTPStatus.OK:
        raise Unhealthy(f"the answer is {status}")


def _address_of(host: str) -> str:
    """Return where to ask a server that listens on *host*."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if isinstance(address, IPv4Address) else "::1"
