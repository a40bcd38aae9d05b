"""Egress proxy: tunnels to push services by HTTP CONNECT (RFC 9110, section 9.3.6)."""

import asyncio
import re
import socket
from base64 import b64encode
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from aiohappyeyeballs import start_connection

from app.protocol.subscription import Endpoint

_URL = re.compile(
    r"http://(?:([^\s/?#@:]*):([^\s/?#@:]*)@)?([a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})/?"
)
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_SUCCESS = range(200, 300)
_MAX_PORT = 65_535
_MAX_ANSWER_BYTES = 8192
_END_OF_HEAD = b"\r\n\r\n"


class ProxyRefused(OSError):
    """Tunnel that the proxy did not open, with the *status* of its answer, 0 for none."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the proxy answered {status or 'no HTTP'}")
        self.status = status


@dataclass(frozen=True, slots=True)
class EgressProxy:
    """Proxy that connects for the server; *authorization* is the value of Proxy-Authorization, a secret."""

    host: str
    port: int
    authorization: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Take `http://user:password@host:port`. Raise `ValueError` for any other."""
        found = _URL.fullmatch(url)
        if found is None or not 0 < int(found[4]) <= _MAX_PORT:
            raise ValueError("must be the URL of a proxy like http://user:password@proxy.example.org:3128")
        credentials = f"{unquote(found[1])}:{unquote(found[2])}" if found[1] is not None else None
        basic = f"Basic {b64encode(credentials.encode()).decode()}" if credentials else None
        return cls(found[3].strip("[]"), int(found[4]), basic)

    def __repr__(self) -> str:
        return f"{self.host}:{self.port}"

    async def open_tunnel(self, endpoint: Endpoint, next_address_s: float) -> socket.socket:
        """Return a socket that leads to *endpoint*. Raise `ProxyRefused`, or `OSError` without a proxy."""
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        connected = await start_connection(addresses, happy_eyeballs_delay=next_address_s)
        try:
            await loop.sock_sendall(connected, self._request(endpoint))
            status = _parse_status(await _read_head(connected))
        except BaseException:
            connected.close()
            raise
        if status not in _SUCCESS:
            connected.close()
            raise ProxyRefused(status)
        return connected

    def _request(self, endpoint: Endpoint) -> bytes:
        target = f"{endpoint.host}:{endpoint.port}"
        credentials = f"Proxy-Authorization: {self.authorization}\r\n" if self.authorization else ""
        return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{credentials}\r\n".encode()


async def _read_head(connected: socket.socket) -> bytes:
    """Read up to the end of a head: a push service says nothing before it is greeted."""
    loop, head = asyncio.get_running_loop(), b""
    while not head.endswith(_END_OF_HEAD) and len(head) < _MAX_ANSWER_BYTES:
        received = await loop.sock_recv(connected, _MAX_ANSWER_BYTES - len(head))
        if not received:
            break
        head += received
    return head


def _parse_status(head: bytes) -> int:
    found = _STATUS.match(head)
    return int(found[1]) if found and head.endswith(_END_OF_HEAD) else 0
