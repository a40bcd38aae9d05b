"""Reader of typed lines, and of their end."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from whisper_peer.line_reader import MAX_LINE_BYTES, LineReader

pytestmark = pytest.mark.anyio

SOON_S = 5


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the two ends of a pipe: to read, to write."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


async def all_lines(reader: LineReader) -> list[str]:
    """Return the lines until the end of input."""
    async with asyncio.timeout(SOON_S):
        return [line async for line in reader.lines()]


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"without end", ["without end"]),
        (b"\n\n", ["", ""]),
        (b"windows\r\n", ["windows"]),
        ("grüß dich 👋\n".encode(), ["grüß dich 👋"]),
        (b"\xff\n", ["\N{REPLACEMENT CHARACTER}"]),
        (b"x" * (MAX_LINE_BYTES + 1), ["x" * MAX_LINE_BYTES, "x"]),
        (b"line\n" * 100, ["line"] * 100),
    ],
)
async def test_lines_are_read(pipe: tuple[int, int], typed: bytes, lines: list[str]) -> None:
    """Whatever is typed, in lines that fit a message."""
    reading, writing = pipe
    os.write(writing, typed)
    os.close(writing)

    assert await all_lines(LineReader(reading)) == lines


async def test_a_file_is_read(tmp_path: Path) -> None:
    """Input may be a file, which asyncio could not wait for."""
    (tmp_path / "typed").write_text("one\ntwo")

    with (tmp_path / "typed").open() as file:
        assert await all_lines(LineReader(file.fileno())) == ["one", "two"]


async def test_no_line_is_lost_between_two_readers(pipe: tuple[int, int]) -> None:
    """Who is cancelled while nothing is typed takes nothing along."""
    reading, writing = pipe
    reader = LineReader(reading)
    first = asyncio.create_task(all_lines(reader))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})

    os.write(writing, b"for the second\n")
    os.close(writing)

    assert await all_lines(reader) == ["for the second"]


async def test_the_end_stays_the_end(pipe: tuple[int, int]) -> None:
    """Whoever asks later is told as well."""
    reading, writing = pipe
    os.close(writing)
    reader = LineReader(reading)
    await all_lines(reader)

    assert await all_lines(reader) == []
