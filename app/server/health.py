"""Health check: asks the server that these settings describe whether it is alive."""

from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

TIMEOUT_S = 4  # an orchestrator waits a little longer

# Where to ask a server that listens at all addresses.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - it is only looked up


class Unhealthy(Exception):
    """The server does not answer, or not that it is alive."""


def check_health(host: str, port: int) -> None:
    """Raise `Unhealthy` unless a server at *host* and *port* says that it is alive."""
    connection = HTTPConnection(_LOOPBACK.get(host, host), port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        status = connection.getresponse().status
    except (OSError, HTTPException) as fault:
        raise Unhealthy(f"there is no answer ({fault})") from None
    finally:
        connection.close()
    if status != HTTPStatus.OK:
        raise Unhealthy(f"the answer is {status}")
