"""Hostile input: nothing that arrives makes the push service fail or wait for ever."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.push_service import push_handler
from tests.push_service.sender import Sender
from tests.push_service.service import PushService
from tests.push_service.timeouts import Timeouts

pytestmark = pytest.mark.anyio

# What looks like the largest message.
SEALED = bytes(20) + b"\x41\x04" + bytes(4096 - 22)

UPGRADE = """GET / HTTP/1.1
Host: x
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

"""


@asynccontextmanager
async def tcp(service: PushService) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect with as small a buffer as there is."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    connection.settimeout(0)
    address = ("127.0.0.1", int(service.origin.rpartition(":")[2]))
    await asyncio.get_running_loop().sock_connect(connection, address)
    reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


def http(text: str) -> bytes:
    """Spell *text* with the line ends of HTTP."""
    return text.replace("\n", "\r\n").encode()


def post(service: PushService) -> str:
    """Begin a POST to a new subscription."""
    path = service.subscribe().endpoint.removeprefix(service.origin)
    return f"POST {path} HTTP/1.1\nHost: x\n"


def frame(**members: object) -> bytes:
    """Spell a short WebSocket frame, masked with zeros (RFC 6455 section 5.2)."""
    payload = json.dumps(members).encode()
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


async def status_of(reader: asyncio.StreamReader) -> bytes:
    """Wait for the status of an answer."""
    return (await asyncio.wait_for(reader.readline(), 5))[9:12]


@pytest.mark.parametrize("rest", ["Content-Length: 100\n\nhalf", "Transfer-Encoding: chunked\n\n4\nhalf\n"])
async def test_a_body_that_does_not_end_is_not_waited_for(rest: str) -> None:
    """408 after a while."""
    async with (
        PushService.running(timeouts=Timeouts(body=0.05)) as service,
        tcp(service) as (reader, writer),
    ):
        writer.write(http(post(service) + rest))

        assert await status_of(reader) == b"408"


@pytest.mark.parametrize(
    "rest",
    [
        "Transfer-Encoding: chunked\n\nxyz\n",
        "Transfer-Encoding: chunked\n\n5\nhello\nzz\n",
        "Content-Length: -1\n\n",
        "Content-Length: 1\nTransfer-Encoding: chunked\n\n0\n\n",
        "no header\n\n",
    ],
)
async def test_what_is_no_http_is_refused(rest: str, service: PushService) -> None:
    """It is the sender's mistake: 400."""
    async with tcp(service) as (reader, writer):
        writer.write(http(post(service) + rest))

        assert await status_of(reader) == b"400"


async def test_a_sender_that_goes_in_the_middle_is_forgotten(
    service: PushService, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is recorded or logged, and the next one is served."""
    async with tcp(service) as (_, writer):
        writer.write(http(post(service) + "Content-Length: 100\n\nhalf"))
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.05)

    answer = await sender.push(service.subscribe())

    assert (answer.status, len(service.received), caplog.records) == (201, 1, [])


async def test_a_compressed_body_is_not_inflated(service: PushService, sender: Sender) -> None:
    """It is refused as it came, whether it is gzip or not."""
    answer = await sender.post(service.subscribe().endpoint, b"not gzip", content_encoding="gzip")

    assert (answer.status, service.received[0].body) == (415, b"not gzip")


async def test_a_body_is_read_up_to_a_limit(service: PushService, sender: Sender) -> None:
    """What is far too large is not kept."""
    answer = await sender.post(service.subscribe().endpoint, bytes(1_000_000))

    assert (answer.status, len(service.received[0].body)) == (413, push_handler.READ_LIMIT)


async def test_a_browser_that_does_not_read_is_disconnected(sender: Sender) -> None:
    """Senders are answered all the same; one of them waits, once, until that is clear."""
    async with (
        PushService.running(timeouts=Timeouts(send=0.1)) as service,
        tcp(service) as (reader, writer),
    ):
        writer.write(
            http(UPGRADE) + frame(messageType="hello") + frame(messageType="register", channelID="1")
        )
        await reader.readuntil(b"/push/")
        endpoint = f"{service.origin}/push/{(await reader.readexactly(43)).decode()}"

        answers = [await sender.post(endpoint, SEALED) for _ in range(1000)]
        delivered = await asyncio.wait_for(reader.read(), 5)

    assert {answer.status for answer in answers} == {201}
    assert len(delivered) < 1000 * len(SEALED)
