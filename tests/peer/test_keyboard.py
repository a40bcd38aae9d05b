"""What is typed arrives line by line, and the end of it too."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peer.keyboard import MAX_LINE_BYTES, Keyboard

pytestmark = pytest.mark.anyio

SOON_S = 5


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the two ends of a pipe: to read, to write."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


async def all_lines(keyboard: Keyboard) -> list[str]:
    """Return the lines until the end of input."""
    async with asyncio.timeout(SOON_S):
        return [line async for line in keyboard.lines()]


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

    assert await all_lines(Keyboard(reading)) == lines


async def test_a_file_is_read(tmp_path: Path) -> None:
    """Input may be a file, which asyncio could not wait for."""
    (tmp_path / "typed").write_text("one\ntwo")

    with (tmp_path / "typed").open() as file:
        assert await all_lines(Keyboard(file.fileno())) == ["one", "two"]


async def test_no_line_is_lost_between_two_readers(pipe: tuple[int, int]) -> None:
    """Who is cancelled while nothing is typed takes nothing along."""
    reading, writing = pipe
    keyboard = Keyboard(reading)
    first = asyncio.create_task(all_lines(keyboard))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first})

    os.write(writing, b"for the second\n")
    os.close(writing)

    assert await all_lines(keyboard) == ["for the second"]


async def test_the_end_stays_the_end(pipe: tuple[int, int]) -> None:
    """Whoever asks later is told as well."""
    reading, writing = pipe
    os.close(writing)
    keyboard = Keyboard(reading)
    await all_lines(keyboard)

    assert await all_lines(keyboard) == []
