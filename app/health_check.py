"""Health check of a container: exits with 0 if the server on this machine answers `/livez`, else with 1.

It is started every 30 s, so it loads nothing but the standard library.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, ip_address

TIMEOUT_S = 4
HTTP_OK = 200
_LOOPBACK = {IPv4Address: "127.0.0.1", IPv6Address: "::1"}


def find_server() -> tuple[str, int]:
    """Return the host and port to reach the server from this machine, by WHISPER_HOST and WHISPER_PORT."""
    host = os.environ.get("WHISPER_HOST") or "127.0.0.1"
    port = int(os.environ.get("WHISPER_PORT") or 8000)
    try:
        address = ip_address(host)
    except ValueError:
        return host, port
    return _LOOPBACK[type(address)] if address.is_unspecified else host, port


def main() -> int:
    """Ask the server; return the exit status."""
    host, port = find_server()
    connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        return int(connection.getresponse().status != HTTP_OK)
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"http://{host}:{port}/livez: {error}\n")
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
