"""A connection as its requests come: behind one another, in part, or after their answer."""

import asyncio
import gc
import weakref

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.server.connection_context import Timeouts
from app.server.http_exchange import HttpExchange
from app.server.response_writer import MAX_UNREAD_BYTES
from tests.server.served_app import PATIENCE_S, REQUEST, answer_one, app_of, connected, start

pytestmark = pytest.mark.anyio

POST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
CHUNKED = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def early() -> ASGIApp:
    """Return an application that answers before the body is here."""

    async def serve(_: Receive, send: Send) -> None:
        await answer_one(send)

    return app_of(serve)


async def test_trailers_are_no_headers(early: ASGIApp) -> None:
    """A proxy may let them pass that lets no such header pass, or adds its own."""
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await early(scope, receive, send)

    async with connected(app) as client:
        client.writer.write(CHUNKED + b"0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
        await client.read_answer()

    assert [name for name, _ in scopes[0]["headers"]] == [b"host", b"transfer-encoding"]


async def test_a_connection_idles_after_a_body_that_nobody_waited_for(early: ASGIApp) -> None:
    """And is closed as any other that idles."""
    async with connected(early, Timeouts(send_s=0.05, keep_alive_s=0.1)) as client:
        client.writer.write(POST)
        await client.read_answer()
        client.writer.write(b"{}")

        assert await client.read_to_end() == b""


async def test_a_client_that_still_sends_is_not_cut_off_with_its_answer(early: ASGIApp) -> None:
    """It would be reset, and might never read it (RFC 9112, section 9.6); what comes behind is not served."""
    async with connected(early) as client:
        client.writer.write(POST.replace(b"Host", b"Connection: close\r\nHost"))
        await client.read_answer()
        await asyncio.sleep(0.05)
        kept = len(client.state.connections)
        client.writer.write(b"{}" + REQUEST)

        assert (kept, await client.read_to_end()) == (1, b"")


async def test_a_body_that_waits_to_be_asked_for_is_not_waited_for(early: ASGIApp) -> None:
    """Its client has the answer instead of "100 Continue", and sends none."""
    async with connected(early) as client:
        client.writer.write(POST.replace(b"Host", b"Expect: 100-continue\r\nConnection: close\r\nHost"))
        await client.read_answer()

        assert await client.read_to_end() == b""


@pytest.mark.parametrize("rest", [b"", b"x\r\n"], ids=["late", "bad"])
async def test_what_was_answered_is_not_refused_as_well(early: ASGIApp, rest: bytes) -> None:
    """A second answer would be told as the next request's."""
    async with connected(early, Timeouts(receive_s=0.1)) as client:
        client.writer.write(CHUNKED)
        await client.read_answer()
        client.writer.write(rest)

        assert await client.read_to_end() == b""


async def test_a_refusal_waits_for_the_answers_to_what_came_before() -> None:
    """Though the application is still busy with what it has answered."""
    busy = asyncio.Event()

    async def serve(_: Receive, send: Send) -> None:
        await answer_one(send)
        await busy.wait()

    async with connected(app_of(serve)) as client:
        client.writer.write(REQUEST)
        await client.read_answer()
        client.writer.write(REQUEST + b"\x00\r\n\r\n")
        await asyncio.sleep(0.05)
        busy.set()
        received = await client.read_to_end()

    assert [line.split()[1] for line in received.splitlines() if b"HTTP/1.1 " in line] == [b"200", b"400"]


async def test_many_requests_at_once_hold_up_nobody() -> None:
    """Each other client's turn comes after one of them."""
    served: list[str] = []

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        served.append(scope["path"])
        await answer_one(send)

    async with connected(app) as client:
        _, other = await asyncio.open_connection("127.0.0.1", client.port)
        await asyncio.sleep(0.05)
        client.writer.write(REQUEST * 100)
        other.write(REQUEST.replace(b"/x", b"/other"))
        for _ in range(100):
            await client.read_answer()
        other.close()

    assert "/other" in served[:90]


@pytest.mark.parametrize(
    ("sent", "answers"),
    [(POST + b"{}", 1), (REQUEST * 3, 3), (REQUEST + POST, 1), (REQUEST * 2 + REQUEST[:5], 2), (POST, 0)],
    ids=["one", "three", "part of the second", "head of the third", "part of the first"],
)
async def test_a_client_that_ends_its_side_has_the_answers_to_its_whole_requests(
    sent: bytes, answers: int
) -> None:
    """No more are read; the end of a side does not say that nobody reads (RFC 9112, section 6.3)."""

    async def serve(receive: Receive, send: Send) -> None:
        while (message := await receive()).get("more_body"):
            pass
        await asyncio.sleep(0.01)
        if message["type"] == "http.request":
            await answer_one(send)

    async with connected(app_of(serve)) as client:
        client.writer.write(sent)
        client.writer.write_eof()

        assert (await client.read_to_end()).count(b"HTTP/1.1 200") == answers


@pytest.mark.parametrize("sent", [b"", REQUEST[:5], POST, POST + b"{}"], ids=["none", "head", "part", "all"])
async def test_a_connection_is_freed_without_the_garbage_collector(sent: bytes) -> None:
    """Which stops the process for longer than a call takes."""

    async def serve(receive: Receive, send: Send) -> None:
        if (await receive())["type"] == "http.request":
            await receive()
        await send(start())

    async with connected(app_of(serve)) as client:
        client.writer.write(sent)
        await asyncio.sleep(0.05)
        (held,) = map(weakref.ref, client.state.connections)
        gc.disable()
        try:
            client.reset()
            async with asyncio.timeout(PATIENCE_S):
                while client.state.connections:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            assert held() is None
        finally:
            gc.enable()


async def test_of_many_requests_at_once_few_are_parsed_before_their_turn() -> None:
    """A request takes many times the memory of its bytes."""
    busy = asyncio.Event()

    async def serve(_: Receive, send: Send) -> None:
        await busy.wait()
        await answer_one(send)

    async with connected(app_of(serve)) as client:
        client.writer.write(REQUEST * 1000)
        await asyncio.sleep(0.05)
        parsed = sum(isinstance(each, HttpExchange) for each in gc.get_objects())
        busy.set()
        for _ in range(1000):
            await client.read_answer()

    assert parsed < 300


async def test_what_a_client_sends_ahead_is_left_to_it() -> None:
    """It may have thousands of connections, and the process holds what it has read of each."""
    busy = asyncio.Event()

    async def serve(_: Receive, send: Send) -> None:
        await busy.wait()
        await answer_one(send)

    async with connected(app_of(serve)) as client:
        client.writer.write(REQUEST * 20_000)
        await asyncio.sleep(0.05)
        (connection,) = client.state.connections
        held = len(connection._parser._unparsed)  # type: ignore[union-attr]  # noqa: SLF001 - nothing else shows it
        client.reset()
        busy.set()

    assert held <= 2 * MAX_UNREAD_BYTES
