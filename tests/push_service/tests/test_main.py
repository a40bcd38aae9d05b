"""Command `python -m tests.push_service`, which runs until it is told to stop."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.push_service.user_agent import Browser

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
LINE = re.compile(r"push service at (http://127\.0\.0\.1:\d+) \(WebSocket (ws://127\.0\.0\.1:\d+/)\)\n")


@asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the program, warnings being errors, and end it if it has not ended."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", "-m", "tests.push_service", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def addresses(process: asyncio.subprocess.Process) -> tuple[str, str]:
    """Wait for the line that says where it listens; return both addresses."""
    assert process.stdout
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    found = LINE.fullmatch(line)
    assert found, line
    return found[1], found[2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_cleanly(number: signal.Signals, session: aiohttp.ClientSession) -> None:
    """Exit code 0 and nothing on stderr, with a browser connected and a POST that hangs."""
    async with program("--port", "0") as process:
        origin, websocket_url = await addresses(process)
        await session.put(f"{origin}/script/*", json=[{"hang": "body"}])
        post = await session.post(f"{origin}/push/any")
        async with Browser(session, websocket_url).online() as connection:
            process.send_signal(number)
            code = await connection.closed_with()
            out, err = await asyncio.wait_for(process.communicate(), 5)

    with pytest.raises(aiohttp.ClientPayloadError):
        await post.read()
    assert (process.returncode, out, err, code) == (0, b"", b"", 1001)


async def test_a_port_in_use_is_an_error(session: aiohttp.ClientSession) -> None:
    """It says so instead of listening somewhere else."""
    async with program("--port", "0") as first:
        origin, _ = await addresses(first)
        async with program("--port", origin.rpartition(":")[2]) as second:
            _, err = await asyncio.wait_for(second.communicate(), 20)

            assert (second.returncode, len(err.splitlines()), b"Address already in use" in err) == (
                1,
                1,
                True,
            )
        async with session.get(f"{origin}/healthz") as response:
            assert response.status == 200
