"""Shutdown of the push service, which leaves nothing behind, whatever is going on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSCloseCode

from tests.push_service.sender import TIMEOUT
from tests.push_service.service import PushService
from tests.push_service.user_agent import Browser

pytestmark = pytest.mark.anyio

# Seconds; far below any timeout that would hide something that hangs.
SOON = 5


@asynccontextmanager
async def stopping() -> AsyncIterator[tuple[PushService, aiohttp.ClientSession]]:
    """Run a push service and stop it; fail unless that is soon, and every task has ended."""
    before = asyncio.all_tasks()
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        async with PushService.running() as service:
            yield service, session
            begun = time.monotonic()
        assert time.monotonic() - begun < SOON
        left = {task for task in asyncio.all_tasks() - before if task.get_name() != "test"}
    assert left == set()


async def arrival(service: PushService) -> None:
    """Wait until a POST has arrived."""
    for _ in range(500):
        if service.received:
            return
        await asyncio.sleep(0.01)
    pytest.fail("nothing has arrived in 5 s")


@pytest.mark.parametrize(
    "answer",
    [{"hang": "head"}, {"hang": "body"}, {"endless": True}, {"delay": 60}, {"disconnect": True}],
    ids="-".join,
)
async def test_an_unanswered_post_ends(answer: dict[str, object]) -> None:
    """Its sender sees the connection close."""
    async with stopping() as (service, session):
        service.script([answer])
        post = asyncio.create_task(drained(session, service.subscribe().endpoint), name="test")
        await arrival(service)

    with pytest.raises(aiohttp.ClientError):
        await asyncio.wait_for(post, 5)


async def drained(session: aiohttp.ClientSession, endpoint: str) -> None:
    """Post, and read the answer to its end without keeping it."""
    async with session.post(endpoint) as response:
        async for _ in response.content.iter_chunked(65536):
            pass


async def test_an_endless_answer_that_nobody_reads_ends() -> None:
    """Also when the service waits for the sender to read."""
    async with stopping() as (service, session):
        service.script([{"endless": True}])
        response = await session.post(service.subscribe().endpoint)
        await asyncio.sleep(0.2)

    response.close()


async def test_a_post_whose_body_does_not_come_ends() -> None:
    """It is still being read."""
    async with stopping() as (service, _):
        path = service.subscribe().endpoint.removeprefix(service.origin)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(service.origin.rpartition(":")[2]))
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".encode())
        await asyncio.sleep(0.1)

    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await writer.wait_closed()


async def test_a_browser_is_told_to_go() -> None:
    """With 1001, so that it comes back later."""
    async with stopping() as (service, session):
        connection = Browser(session, service.websocket_url).online()
        opened = await connection.__aenter__()
        closed = asyncio.create_task(opened.closed_with(), name="test")

    assert await closed == WSCloseCode.GOING_AWAY


async def test_a_browser_that_does_not_listen_is_left() -> None:
    """Nobody waits long for the answer to a close."""
    async with stopping() as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(service.origin.rpartition(":")[2]))
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 101")

    writer.close()
    await writer.wait_closed()


async def test_an_idle_connection_is_closed() -> None:
    """A sender that keeps its connection open does not keep the service."""
    async with stopping() as (service, session), session.get(f"{service.origin}/healthz") as response:
        assert await response.json() == {"ok": True}


async def test_a_sender_that_gives_up_is_let_go() -> None:
    """The handler of a POST ends with its connection."""
    async with stopping() as (service, session):
        service.script([{"hang": "head"}])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.post(service.subscribe().endpoint), 0.1)
        await asyncio.sleep(0.1)


async def test_the_port_is_free_again() -> None:
    """The next one can have it at once."""
    async with PushService.running() as first:
        port = int(first.origin.rpartition(":")[2])

    async with PushService.running(port=port) as second:
        assert second.origin == first.origin
