"""Addresses of both ends of a socket, as ASGI names them."""

from socket import socket


def server_address(opened: socket) -> tuple[str, int | None]:
    """Return where the server is reached: an IP address and port, or the path of a Unix socket."""
    name = opened.getsockname()
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else (str(name), None)


def client_address(opened: socket) -> tuple[str, int] | None:
    """Return the client's IP address and port, `None` for a Unix socket's, or one that has gone."""
    try:
        name = opened.getpeername()
    except OSError:
        return None
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None
