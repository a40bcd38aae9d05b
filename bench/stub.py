"""Push service stub: `python -m bench.stub` accepts every message at once, or `--delay SECONDS` later.

At once it answers faster than any real one, so that the server is what is measured. Nothing is decrypted;
a body that is not a push message (RFC 8030, RFC 8188, RFC 8291) is refused. `GET /` returns the count.
"""

import argparse
import asyncio
import contextlib
from typing import cast

import uvloop

HEADER_BYTES = 86  # salt, record size, and the sender's public key: RFC 8291, section 4
SMALLEST = HEADER_BYTES + 17  # a delimiter, and AES-GCM's tag
LARGEST = 4096
_KEY_LENGTH_AT = 20
_UNCOMPRESSED_KEY = bytes([65, 4])

_CREATED = b"HTTP/1.1 201 Created\r\nLocation: /m/1\r\nTTL: 60\r\nContent-Length: 0\r\n\r\n"
_REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
_COUNT_ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%d"


class Count:
    """The number of accepted messages."""

    accepted = 0


class PushProtocol(asyncio.Protocol):
    """HTTP connection of a server that pushes; one request at a time."""

    def __init__(self, count: Count, delay: float) -> None:
        self._count = count
        self._delay = delay
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the *transport*."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        if head.startswith(b"GET"):
            accepted = self._count.accepted
            self._transport.write(_COUNT_ANSWER % (len(str(accepted)), accepted))
            self._transport.close()
            return
        fields = head.lower()
        if len(body) < _length(fields):
            return
        self._received = b""
        good = b"content-encoding: aes128gcm" in fields and _is_message(body)
        self._count.accepted += good
        answer = _CREATED if good else _REFUSED
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _length(fields: bytes) -> int:
    _, found, rest = fields.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def _is_message(body: bytes) -> bool:
    key = body[_KEY_LENGTH_AT : _KEY_LENGTH_AT + 2]
    return SMALLEST <= len(body) <= LARGEST and key == _UNCOMPRESSED_KEY


async def _serve(delay: float) -> None:
    count = Count()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: PushProtocol(count, delay), "127.0.0.1", 0, backlog=1024)
    print(f"stub at http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m bench.stub", description="A push service that accepts every message."
    )
    parser.add_argument("--delay", type=float, default=0, help="seconds until it answers (0)")
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(parser.parse_args().delay))
