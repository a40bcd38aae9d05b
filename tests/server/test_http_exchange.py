"""A response as an application sends it: in order, as long as announced, or a refusal in its place."""

import asyncio
import logging

import pytest
from starlette.types import ASGIApp, Receive, Send

from app.server.http_exchange import MAX_LINES, HeaderLines
from tests.server.served_app import LENGTH_3, REQUEST, answer_one, app_of, ask, body, connected, start

pytestmark = pytest.mark.anyio


def sends(*messages: dict[str, object]) -> ASGIApp:
    """Return an application that sends these."""

    async def serve(receive: Receive, send: Send) -> None:
        await receive()
        for message in messages:
            await send(message)

    return app_of(serve)


async def test_a_body_of_known_length_is_sent_as_it_is() -> None:
    """In as many parts as there are."""
    answer = await ask(sends(start(LENGTH_3), body(b"on", more=True), body(b"e")))

    head, _, sent = answer.partition(b"\r\n\r\n")
    assert head.splitlines()[:2] == [b"HTTP/1.1 200 OK", b"content-length: 3"]
    assert sent == b"one"


async def test_a_body_of_unknown_length_is_sent_in_chunks() -> None:
    """With an end that can't be mistaken (RFC 9112, section 7.1)."""
    answer = await ask(sends(start(), body(b"one", more=True), body(b"", more=True), body(b"two"), body(b"")))

    head, _, sent = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert sent == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "messages"),
    [
        (REQUEST.replace(b"GET", b"HEAD"), [start(LENGTH_3), body(b"one")]),
        (REQUEST.replace(b"GET", b"HEAD"), [start(), body(b"one")]),
        (REQUEST, [start(status=204), body(b"")]),
        (REQUEST, [start(status=304), body(b"")]),
    ],
    ids=["HEAD", "HEAD without a length", "204", "304"],
)
async def test_some_responses_have_no_body(request_: bytes, messages: list[dict[str, object]]) -> None:
    """Nor chunks (RFC 9112, section 6.3)."""
    answer = await ask(sends(*messages), request_)

    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1
    assert b"chunked" not in answer


REFUSED_INSTEAD = [
    [],
    [start((b"x", b"a\r\nset-cookie: b=c")), body(b"")],
    [start((b"x", b"a\nb")), body(b"")],
    [start((b"x", b"a\rb")), body(b"")],
    [start(LENGTH_3), body(b"four")],
    [start(LENGTH_3), body(b"2x")],
    [body(b"one")],
]


@pytest.mark.parametrize(
    "messages",
    REFUSED_INSTEAD,
    ids=["nothing", "CRLF", "LF", "CR", "too long", "too short", "a body alone"],
)
async def test_a_response_that_can_not_be_sent_is_a_500(
    messages: list[dict[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    """In the form of every refusal, and nothing of the other is sent."""
    with caplog.at_level(logging.CRITICAL):
        answer = await ask(sends(*messages))

    head, _, sent = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert b"connection: close" in head
    assert b'"code":"internal_error"' in sent
    assert b"set-cookie" not in answer


async def test_a_response_that_breaks_off_closes_the_connection() -> None:
    """That tells the client: its end is missing."""

    async def serve(_: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"one", more=True))
        raise ValueError

    answer = await ask(app_of(serve))

    assert answer.endswith(b"3\r\none\r\n")


async def test_a_failure_after_the_answer_closes_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """A second answer would be told as the next request's."""

    async def serve(_: Receive, send: Send) -> None:
        await answer_one(send)
        raise ValueError

    async with connected(app_of(serve)) as client:
        client.writer.write(REQUEST)
        with caplog.at_level(logging.CRITICAL):
            answer = await client.read_to_end()

    assert answer.endswith(b"\r\n\r\none")


async def test_an_application_that_is_stopped_has_its_client_told_so() -> None:
    """By whatever is no error of its own."""

    class Stopped(BaseException):
        """Neither an error nor a cancellation."""

    async def serve(_: Receive, __: Send) -> None:
        raise Stopped

    answer = await ask(app_of(serve))

    assert answer.startswith(b"HTTP/1.1 500 ")


async def test_what_an_application_waits_for_after_its_answer_is_the_end() -> None:
    """A third party's code may listen for it."""
    received: list[object] = []

    async def serve(receive: Receive, send: Send) -> None:
        received.append(await receive())
        await send(start(LENGTH_3))
        await send(body(b"one"))
        received.append(await receive())

    await ask(app_of(serve))

    assert received == [
        {"type": "http.request", "body": b"", "more_body": False},
        {"type": "http.disconnect"},
    ]


async def test_an_application_hears_that_its_client_has_gone() -> None:
    """While it waits; what it sends then is dropped."""
    ended: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def serve(receive: Receive, send: Send) -> None:
        await receive()
        gone = await receive()
        await send(start(LENGTH_3))
        ended.set_result(gone)

    async with connected(app_of(serve)) as client:
        client.writer.write(REQUEST)
        await client.writer.drain()
        await asyncio.sleep(0.05)
        client.reset()
        assert await asyncio.wait_for(ended, 5) == {"type": "http.disconnect"}


def test_the_lines_of_so_many_headers_are_kept_and_no_more() -> None:
    """Clients choose some values: whatever they are, each header has its own line."""
    lines = HeaderLines()
    written = [lines[b"x", b"%d" % number] for number in range(2 * MAX_LINES)]

    assert written == [b"x: %d" % number for number in range(2 * MAX_LINES)]
    assert len(lines) <= MAX_LINES
