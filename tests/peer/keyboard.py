"""Lines from standard input, whatever that is: a terminal, a pipe, a file, /dev/null."""

import asyncio
import threading
from collections.abc import AsyncIterator

# A line must fit one message of a data channel; a longer one becomes several.
MAX_LINE_BYTES = 16 * 1024

# Lines that are read ahead of the one who sends them.
MAX_AHEAD = 16


class Keyboard:
    """Reads *descriptor* in a thread of its own, which never holds up the end of the program.

    (asyncio waits for pipes only, and would leave a terminal non-blocking for whoever uses it next.)
    """

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._typed: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(MAX_AHEAD)
        threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    async def lines(self) -> AsyncIterator[str]:
        """Yield each line, without its end, until the input ends. Asked again, it goes on where it was."""
        while (line := await self._typed.get()) is not None:
            self._room.release()
            yield line
        self._typed.put_nowait(None)  # for whoever asks next

    def _read(self) -> None:
        # Not sys.stdin: the interpreter could not close that at its end while a thread still reads it.
        with open(self._descriptor, "rb", closefd=False) as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                self._hand_over(line.decode(errors="replace").rstrip("\r\n"))
        self._hand_over(None)

    def _hand_over(self, line: str | None) -> None:
        self._room.acquire()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._typed.put_nowait, line)
