"""Listening sockets, bound at start to every address of a host name."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

from app.setting_validators import ListenAddress
from app.settings import PREFIX, InvalidSettings

_PORT_FAULTS = {
    errno.EADDRINUSE: "another program listens on {port} already",
    errno.EACCES: "{port} is not for this user",
}


def bind(host: str, port: int) -> list[socket.socket]:
    """Return sockets that are bound to *host*, and do not listen yet; port 0 is any free one.

    `::` is both families, however many workers share it. Raise `InvalidSettings`, naming the variable.
    """
    bound: list[socket.socket] = []
    faults: list[int] = []
    chosen = port
    for family, address in _addresses_of(host):
        try:
            bound.append(_bind(family, (address[0], chosen, *address[2:])))
        except OSError as fault:
            faults.append(fault.errno or 0)
        else:
            chosen = bound[0].getsockname()[1]
    port_faults = [fault for fault in faults if fault in _PORT_FAULTS]
    if bound and not port_faults:  # a machine without IPv6 still has a localhost
        return bound
    for opened in bound:
        opened.close()
    if bound and port == 0:  # what is free for one family was taken in the other
        return bind(host, port)
    if port_faults:
        raise InvalidSettings(f"{PREFIX}PORT: {_PORT_FAULTS[port_faults[0]].format(port=port)}.")
    raise InvalidSettings(f"{PREFIX}HOST: can't listen there: {os.strerror(faults[0])}.")


def _addresses_of(host: str) -> list[tuple[int, tuple[Any, ...]]]:
    # A socket for each family: in one for both, IPv4 clients have addresses that no IPv4 network contains.
    name, flags = (None, socket.AI_PASSIVE) if host == "::" else (host, 0)
    try:
        found = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        raise InvalidSettings(f"{PREFIX}HOST: no address of this name was found.") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


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
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened
