"""Coalescing of a response: its head goes with its body, and never after it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from app.server.coalescing_transport import CoalescingTransport

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
BODY = b"body"

Act = Callable[[CoalescingTransport], object]


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[CoalescingTransport, socket.socket]]:
    """Yield a buffer over uvloop's transport, and the socket at its other end."""
    here, there = socket.socketpair()
    with there:
        there.settimeout(0)
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=here)
        yield CoalescingTransport(transport, lambda: None), there
        transport.abort()


def received_after(*acts: Act) -> list[bytes]:
    """Return what comes after each of *acts*, which may take a moment."""

    async def play() -> list[bytes]:
        async with connected() as (buffer, there):
            return [await received(there, act(buffer)) for act in acts]

    async def received(there: socket.socket, _: object) -> bytes:
        await asyncio.sleep(0.02)
        try:
            return there.recv(1024)
        except BlockingIOError:
            return b"nothing"

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(play())


@pytest.mark.parametrize(
    "follow",
    [
        lambda buffer: buffer.write(BODY),
        lambda buffer: buffer.writelines([BODY[:2], memoryview(BODY)[2:]]),
    ],
    ids=["write", "writelines"],
)
def test_a_head_waits_for_its_body(follow: Act) -> None:
    """Both come at once, in their order."""
    assert received_after(lambda buffer: buffer.write(HEAD), follow) == [b"nothing", HEAD + BODY]


@pytest.mark.parametrize(
    "act", [CoalescingTransport.flush, CoalescingTransport.close, CoalescingTransport.write_eof]
)
def test_a_head_alone_goes_at_the_end(act: Act) -> None:
    """Nothing is held back for ever."""
    assert received_after(lambda buffer: buffer.write(HEAD), act) == [b"nothing", HEAD]


def test_an_interim_response_does_not_wait() -> None:
    """The client waits for it before it sends a body."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"

    assert received_after(lambda buffer: buffer.write(interim)) == [interim]


@pytest.mark.parametrize("end", [CoalescingTransport.close, CoalescingTransport.abort])
def test_what_is_written_after_the_end_is_dropped(end: Act) -> None:
    """The loop's own transport would raise, in the middle of an application that knows nothing of it."""
    assert received_after(end, lambda buffer: buffer.write(HEAD + BODY)) == [b"", b""]


def test_the_unsent_head_counts() -> None:
    """Who asks how much is unsent is told all of it."""
    sizes: list[int] = []

    def write(buffer: CoalescingTransport) -> None:
        buffer.write(HEAD)
        sizes.append(buffer.get_write_buffer_size())

    received_after(write)

    assert sizes == [len(HEAD)]


def test_nothing_is_passed_on_unseen() -> None:
    """Every method that asyncio gives a transport is written here, or refused."""
    unseen = {
        name
        for name in vars(asyncio.Transport) | vars(asyncio.WriteTransport) | vars(asyncio.BaseTransport)
        if not name.startswith("_") and name not in vars(CoalescingTransport)
    }

    assert unseen == set()
    assert "__getattr__" not in vars(CoalescingTransport)
