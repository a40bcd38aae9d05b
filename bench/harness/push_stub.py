"""Push service stub, `python -m bench.harness.push_stub`: accepts all at once, or `--delay SECONDS` later.

At once it answers faster than any real one, so that the server is what is measured. Nothing is decrypted;
a body that is not a push message (RFC 8030, RFC 8188, RFC 8291) is refused. Every GET returns the count;
`GET /delay/0.1` changes the delay, `GET /close/1` makes it close the connection after each message.
With `--tls FOLDER`, which has fullchain.pem and privkey.pem, it also listens for TLS.
"""

import argparse
import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import cast

import uvloop

HEADER_BYTES = 86  # salt, record size, and the sender's public key: RFC 8291, section 4
SMALLEST = HEADER_BYTES + 17  # a delimiter, and AES-GCM's tag
LARGEST = 4096
_KEY_LENGTH_AT = 20
_UNCOMPRESSED_KEY = bytes([65, 4])

_CREATED = b"HTTP/1.1 201 Created\r\nLocation: /m/1\r\nTTL: 60\r\nContent-Length: 0\r\n\r\n"
_CREATED_LAST = _CREATED.replace(b"TTL: 60", b"TTL: 60\r\nConnection: close")
_REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
_COUNT_ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%d"


class State:
    """State of the stub: the number of accepted messages, and how the next ones are answered."""

    accepted = 0
    closes = False

    def __init__(self, delay: float) -> None:
        self.delay = delay

    def change(self, path: bytes) -> None:
        """Do what the *path* of a GET asks for."""
        _, name, value = path.split(b"/", 2) if path.count(b"/") > 1 else (b"", b"", b"")
        if name == b"delay":
            self.delay = float(value)
        elif name == b"close":
            self.closes = value == b"1"


class PushProtocol(asyncio.Protocol):
    """HTTP connection of a server that pushes; one request at a time."""

    def __init__(self, state: State) -> None:
        self._state = state
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
            self._state.change(head.split(b" ", 2)[1])
            accepted = self._state.accepted
            self._transport.write(_COUNT_ANSWER % (len(str(accepted)), accepted))
            self._transport.close()
            return
        fields = head.lower()
        if len(body) < _length(fields):
            return
        self._received = b""
        good = b"content-encoding: aes128gcm" in fields and _is_message(body)
        self._state.accepted += good
        if self._state.delay:
            asyncio.get_running_loop().call_later(self._state.delay, self._answer, good)
        else:
            self._answer(good)

    def _answer(self, good: bool) -> None:  # noqa: FBT001 - what was found
        accepted = _CREATED_LAST if self._state.closes else _CREATED
        self._transport.write(accepted if good else _REFUSED)
        if self._state.closes:
            self._transport.close()


def _length(fields: bytes) -> int:
    _, found, rest = fields.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def _is_message(body: bytes) -> bool:
    key = body[_KEY_LENGTH_AT : _KEY_LENGTH_AT + 2]
    return SMALLEST <= len(body) <= LARGEST and key == _UNCOMPRESSED_KEY


async def _serve(delay: float, tls: Path | None) -> None:
    state = State(delay)
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls / "fullchain.pem", tls / "privkey.pem")
        print(f"stub at https://{await _listen(state, context)}", flush=True)
    print(f"stub at http://{await _listen(state, None)}", flush=True)  # last: who waits for it reads all
    await asyncio.Event().wait()


async def _listen(state: State, tls: ssl.SSLContext | None) -> str:
    server = await asyncio.get_running_loop().create_server(
        lambda: PushProtocol(state), "127.0.0.1", 0, backlog=1024, ssl=tls
    )
    host, port = server.sockets[0].getsockname()
    return f"{host}:{port}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m bench.harness.push_stub", description="A push service that accepts every message."
    )
    parser.add_argument("--delay", type=float, default=0, help="seconds until it answers (0)")
    parser.add_argument("--tls", type=Path, metavar="FOLDER", help="with a certificate and its key")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(options.delay, options.tls))
