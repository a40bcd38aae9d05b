"""Asynchronous reader of standard input: a terminal, a pipe, a file or /dev/null."""

import asyncio
import threading
from collections.abc import AsyncIterator

# A line must fit one message of a data channel; a longer one becomes several.
MAX_LINE_BYTES = 16 * 1024

# Lines that are read ahead of the one who sends them.
MAX_AHEAD = 16


class LineReader:
    """Line reader of *descriptor*, in a daemon thread that never holds up the end of the program.

    (asyncio waits for pipes only, and would leave a terminal non-blocking for whoever uses it next.)
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(MAX_AHEAD)
        threading.Thread(target=self._read, name="line reader", daemon=True).start()

    async def lines(self) -> AsyncIterator[str]:
        """Yield each line, without its end, until the input ends. Asked again, it goes on where it was."""
        while (line := await self._lines.get()) is not None:
            self._room.release()
            yield line
        self._lines.put_nowait(None)  # for the next call

    def _read(self) -> None:
        # Not sys.stdin: the interpreter could not close that at its end while a thread still reads it.
        with open(self._descriptor, "rb", closefd=False) as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                self._put(line.decode(errors="replace").rstrip("\r\n"))
        self._put(None)

    def _put(self, line: str | None) -> None:
        self._room.acquire()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
