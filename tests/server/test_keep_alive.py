"""Keep-alive of connections: as long as the setting says, and to a clean end."""

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from app.push.vapid import VapidKey
from tests.processes import WHISPER, Program, program

LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def serve(database: URL, **settings: str) -> Iterator[tuple[Program, int]]:
    """Run a server, and yield it with its port."""
    env = {
        "WHISPER_DATABASE_URL": database.render_as_string(hide_password=False),
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_PORT": "0",
        **settings,
    }
    with (
        tempfile.TemporaryDirectory(prefix="wh") as home,
        program(WHISPER, "serve", env=env, cwd=Path(home)) as running,
    ):
        url = running.wait_for("Open http").partition("Open ")[2].partition(" ")[0]
        for _ in range(2 if settings.get("WHISPER_WORKERS") == "2" else 0):
            running.wait_for("startup complete")
        yield running, int(url.rpartition(":")[2])


def ask(opened: socket.socket) -> bytes:
    """Send a request, and return the answer, nothing if the connection is gone."""
    opened.settimeout(5)
    try:
        opened.sendall(LIVE)
        return opened.recv(4096)
    except ConnectionError:
        return b""


def test_an_idle_connection_is_kept_as_long_as_is_set(migrated: URL) -> None:
    """And closed then."""
    with (
        serve(migrated, WHISPER_KEEP_ALIVE_SECONDS="2") as (_, port),
        socket.create_connection(("127.0.0.1", port)) as opened,
    ):
        first = ask(opened)
        time.sleep(1.5)
        second, began = ask(opened), time.monotonic()
        rest = opened.recv(4096)
        idle = time.monotonic() - began

    assert (first[:12], second[:12], rest) == (b"HTTP/1.1 200", b"HTTP/1.1 200", b"")
    assert 1.9 < idle < 3.5


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_request_on_an_idle_connection_is_served_while_the_server_stops(
    migrated: URL, workers: str
) -> None:
    """A load balancer may have sent it before it could know; the answer says that it was the last."""
    with serve(migrated, WHISPER_WORKERS=workers) as (running, port):
        with socket.create_connection(("127.0.0.1", port)) as opened:
            before = ask(opened)
            running.process.terminate()
            time.sleep(0.5)
            last, end = ask(opened), opened.recv(4096)
        status = running.ended()

    assert b"connection: close" not in before.lower()
    assert last.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in last.lower()
    assert (end, status) == (b"", 0)
