"""deploy/nginx.conf alone: it can be loaded, and its timeouts hold."""

import asyncio
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.processes import installed
from tests.scale.certificate import write_certificate
from tests.scale.programs import changed, free_port, nginx, nginx_conf

pytestmark = pytest.mark.anyio

NOBODY = (1, 1, 1)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """Write a certificate."""
    return write_certificate(tmp_path / "tls")


def test_it_can_be_loaded(tmp_path: Path, tls: ssl.SSLContext) -> None:  # noqa: ARG001 - the certificate
    """As `nginx -t` judges, without a warning."""
    conf = tmp_path / "nginx.conf"
    conf.write_text(nginx_conf(tmp_path, free_port(), NOBODY, tmp_path / "tls"))
    command = (installed("nginx"), "-t", "-q", "-p", str(tmp_path), "-c", str(conf))

    judged = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)

    assert (judged.returncode, judged.stderr) == (0, "")


@pytest.fixture
def port(tmp_path: Path, tls: ssl.SSLContext) -> Iterator[int]:  # noqa: ARG001 - the certificate
    """Run it with deadlines of one second, in front of nobody."""
    port = free_port()
    conf = changed(nginx_conf(tmp_path, port, NOBODY, tmp_path / "tls"), {" 10s;": " 1s;"})
    with nginx(tmp_path / "nginx", conf):
        yield port


@pytest.mark.parametrize(
    "head",
    ["GET /livez HTTP/1.1\r\nX-Slow: ", "POST /dial HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"],
    ids=["head", "body"],
)
async def test_who_dribbles_is_let_go(port: int, tls: ssl.SSLContext, head: str) -> None:
    """A head has ten seconds in all, a body ten seconds between two pieces; then the connection is closed."""
    reader, writer = await connected(port, tls)
    writer.write(head.encode())
    began = time.monotonic()

    async with asyncio.timeout(10):
        with suppress(ConnectionError):
            await reader.read()
    writer.transport.abort()

    assert time.monotonic() - began < 5


async def test_when_nobody_answers_a_client_can_read_it(port: int, tls: ssl.SSLContext) -> None:
    """The form of every refusal, with the time, and a page elsewhere may read it."""
    reader, writer = await connected(port, tls)
    writer.write(b"POST /dial HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()  # with TLS, its end takes the other side

    assert answer.startswith("HTTP/1.1 503 ")
    assert "Retry-After: 1\r\n" in answer
    assert "Strict-Transport-Security: max-age=31536000\r\n" in answer
    assert "Access-Control-Allow-Origin: *\r\n" in answer
    assert '"code":"overloaded"' in answer


async def connected(port: int, tls: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to nginx, as soon as it listens."""
    async with asyncio.timeout(20):
        while True:
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            await asyncio.sleep(0.05)
