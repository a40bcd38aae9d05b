"""Log volume under attack: a request is one line at most, and none is a traceback."""

import socket
import time

import pytest

from tests.hostile.environment import Server
from tests.hostile.request_builder import CASES, CallContext, build
from tests.hostile.test_connection import AMBIGUOUS, HEAD_BYTES, NOISE, OPENAPI, PROMPT_S
from tests.hostile.test_requests import SPEAKERS
from tests.people import now_ms

pytestmark = pytest.mark.anyio

QUICK = {name: case for name, case in CASES.items() if not case.get("http", {}).get("drip_headers")}


def settled_lines(server: Server) -> int:
    """Return how many lines the log has, once nothing is added to it any more."""
    lines = -1
    while lines != len(server.program.lines):
        lines = len(server.program.lines)
        time.sleep(0.2)
    return lines


async def test_each_vector_is_one_line(unlimited: Server) -> None:
    """Whatever it is made of, and whatever becomes of it."""
    before = settled_lines(unlimited)

    for name, case in QUICK.items():
        await unlimited.post(case, build(case, CallContext(now_ms(), SPEAKERS.get(name, "alice"))))

    assert settled_lines(unlimited) - before <= len(QUICK)
    assert "Traceback" not in unlimited.program.output


async def test_what_is_no_request_is_one_line_at_most(unlimited: Server) -> None:
    """Nor what could be two."""
    before = settled_lines(unlimited)

    for sent in [*NOISE, *AMBIGUOUS]:
        with socket.create_connection(("127.0.0.1", unlimited.port), PROMPT_S) as opened:
            opened.sendall(sent)
            assert opened.recv(HEAD_BYTES).startswith(b"HTTP/1.1 400 ")

    assert settled_lines(unlimited) - before <= len(AMBIGUOUS)  # some have a whole head, which is served
    assert "Traceback" not in unlimited.program.output


async def test_a_method_that_a_file_does_not_have_is_one_line(unlimited: Server) -> None:
    """A client's mistake is no failure of the server."""
    before = settled_lines(unlimited)

    with socket.create_connection(("127.0.0.1", unlimited.port), PROMPT_S) as opened:
        opened.sendall(b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert opened.recv(HEAD_BYTES).startswith(b"HTTP/1.1 405 ")

    assert settled_lines(unlimited) - before == 1


async def test_a_client_that_goes_is_one_line_a_request(unlimited: Server) -> None:
    """Although its answers, each larger than what is buffered, can't be sent."""
    before = settled_lines(unlimited)

    for _ in range(20):
        with socket.create_connection(("127.0.0.1", unlimited.port), PROMPT_S) as opened:
            opened.sendall(OPENAPI * 100)
            assert opened.recv(1)

    assert settled_lines(unlimited) - before <= 20 * 100
    assert "Traceback" not in unlimited.program.output
