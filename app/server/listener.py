"""Listening sockets: bound before anything is started, to every address that a host name has."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

from app.setting_values import ListenAddress
from app.settings import PREFIX, InvalidSettings

_PORT_FAULTS = {
    errno.EADDRINUSE: "another program listens on {port} already",
    errno.EACCES: "{port} is not for this user",
}


def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets that are bound to *host*, and do not listen yet; port 0 is any free one.

    `::` is both families, however many workers share it. Raise `InvalidSettings`, naming the variable.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise InvalidSettings(f"{PREFIX}HOST: no address of this name was found.") from None
    bound: list[socket.socket] = []
    faults: list[int] = []
    for family, _, _, _, (address, _, *scope) in dict.fromkeys(found):
        try:
            bound.append(_bind(family, (address, port, *scope)))
        except OSError as fault:
            faults.append(fault.errno or 0)
        else:
            port = bound[0].getsockname()[1]
    port_faults = [fault for fault in faults if fault in _PORT_FAULTS]
    if bound and not port_faults:  # a machine without IPv6 still has a localhost
        return bound
    for opened in bound:
        opened.close()
    if port_faults:
        raise InvalidSettings(f"{PREFIX}PORT: {_PORT_FAULTS[port_faults[0]].format(port=port)}.")
    raise InvalidSettings(f"{PREFIX}HOST: can't listen there: {os.strerror(faults[0])}.")


def bind_metrics(address: ListenAddress | None) -> list[socket.socket]:
    """Return the socket for metrics, bound; none without an *address*.

    Raise `InvalidSettings`, naming the variable.
    """
    if address is None:
        return []
    try:
        if isinstance(address, Path):
            return [_bind_path(address)]
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        return [_bind(family, address)]
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else str(fault)
        raise InvalidSettings(f"{PREFIX}METRICS_LISTEN: can't listen there: {reason}.") from None


def _bind_path(path: Path) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and opened.connect_ex(str(path)) == errno.ECONNREFUSED:
            path.unlink()  # left by a server that was killed
        opened.bind(str(path))
    except OSError:
        opened.close()
        raise
    return opened


def _bind(family: int, address: tuple[Any, ...]) -> socket.socket:
    # Only a socket that says TCP is spared Nagle's delays by asyncio.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened
