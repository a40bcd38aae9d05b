"""Exhaustion of file descriptors: more connections than a server has, and more than it ever needs."""

import resource
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from app.push.vapid import VapidKey
from tests.hostile.test_connection import (
    HEAD_BYTES,
    LIVE,
    OPENAPI,
    POST,
    PROMPT_S,
    Server,
    connected,
    end,
    eventually_at_most,
    held_files,
)
from tests.metrics import SOCKET, scrape
from tests.processes import WHISPER, program

FEW = 256
MORE = 400
MANY = 10_000
FILES = 12_000  # for the clients' ends of all of these
HONEST = 10


@contextmanager
def serve(database: URL, files: int, **settings: str) -> Iterator[Server]:
    """Run a server that may have so many files open."""
    env = {
        "WHISPER_DATABASE_URL": database.render_as_string(hide_password=False),
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_RATE_LIMITS": "off",
        "WHISPER_PORT": "0",
        **settings,
    }
    command = f"ulimit -n {files} && exec {WHISPER} serve"
    with (
        tempfile.TemporaryDirectory(prefix="wh") as home,
        program("bash", "-c", command, env=env, cwd=Path(home)) as running,
    ):
        url = running.wait_for("Open http").partition("Open ")[2].partition(" ")[0]
        server = Server(running, int(url.rpartition(":")[2]))
        running.wait_for("expired subscriptions")  # purged, or another server is at it
        assert server.answers_honest_callers()
        running.wait_for("path=/update")
        yield server


@pytest.fixture(scope="module")
def scarce(migrated: URL) -> Iterator[Server]:
    """Run a server that has few descriptors."""
    with serve(migrated, FEW, **SOCKET) as server:
        yield server


def connect(server: Server, number: int, addresses: int) -> list[socket.socket]:
    """Open so many connections, from so many addresses."""
    places = [(f"127.0.0.{2 + n % addresses}", 0) for n in range(number)]
    return [socket.create_connection(("127.0.0.1", server.port), PROMPT_S, place) for place in places]


def cpu_s(server: Server) -> float:
    """Return for how long it has computed."""
    times = server.process.cpu_times()
    return times.user + times.system


@pytest.mark.parametrize("addresses", [1, 40])
def test_a_server_without_descriptors_serves_and_recovers(scarce: Server, addresses: int) -> None:
    """It neither computes nor logs for those that hold connections, from one address or many."""
    before, lines = held_files(scarce), len(scarce.program.lines)
    with ExitStack() as open_:
        for opened in connect(scarce, MORE, addresses):
            open_.enter_context(opened)
        busy, began = cpu_s(scarce), time.monotonic()
        served = [scarce.answers_honest_callers() for _ in range(HONEST)]
        time.sleep(1)
        spent = (cpu_s(scarce) - busy) / (time.monotonic() - began)
        files = scarce.process.num_fds()

    assert served == [True] * HONEST
    assert files < FEW
    assert spent < 0.5
    assert len(scarce.program.lines) - lines <= HONEST
    assert eventually_at_most(scarce, before)


def test_connections_that_must_go_are_counted(scarce: Server) -> None:
    """So that an operator sees why."""
    for opened in connect(scarce, MORE, 1):
        opened.close()

    counted = scrape(Path(scarce.process.cwd()))

    assert counted["whisper_refused_connections_total", "evicted"] > 0


def test_the_latest_connections_stay(scarce: Server) -> None:
    """The longest unused go."""
    with ExitStack() as open_:
        held = connect(scarce, MORE, 1)
        for opened in held:
            open_.enter_context(opened)
        held[-1].sendall(LIVE)

        assert held[-1].recv(HEAD_BYTES).startswith(b"HTTP/1.1 200 ")
        assert held[0].recv(HEAD_BYTES) == b""


def test_a_client_whose_connections_are_all_in_use_is_told(migrated: URL) -> None:
    """One that only dribbles goes for another; one that is being served does not."""
    with serve(migrated, FEW, WHISPER_MAX_CONNECTIONS_PER_CLIENT="1") as server, connected(server) as first:
        first.sendall(POST + b"Content-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        with connected(server) as second:
            assert end(first, PROMPT_S).closed
            second.sendall(OPENAPI * 500)  # and reads none of it
            time.sleep(0.5)
            with connected(server) as third:
                refused = end(third, PROMPT_S)

    assert (refused.codes, refused.closed) == ([(503, "overloaded")], True)
    assert "Traceback" not in server.program.output


def test_ten_thousand_idle_connections_are_held(migrated: URL) -> None:
    """For some kilobytes each, while honest callers are served, and nothing is left of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < FILES:
        pytest.skip("this process may not have so many files open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    try:
        with serve(migrated, FILES) as server, ExitStack() as open_:
            before, memory = held_files(server), server.process.memory_info().rss
            for opened in connect(server, MANY, 10):
                open_.enter_context(opened)
            served = [server.answers_honest_callers() for _ in range(HONEST)]
            held, used = held_files(server)[1] - before[1], server.process.memory_info().rss - memory
            open_.close()

            assert served == [True] * HONEST
            assert held > MANY - HONEST
            assert used < MANY * 20_000
            assert eventually_at_most(server, before)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
