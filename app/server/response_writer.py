"""Writer of a connection's responses, with flow control and a deadline for what its client does not read."""

from asyncio import Event, Transport

from app.server.deadline import Deadline


class ResponseWriter:
    """A *transport* that is written to; *deadline* runs while too much is unsent, or while it closes."""

    def __init__(self, transport: Transport, deadline: Deadline) -> None:
        self._transport = transport
        self._deadline = deadline
        self._writable = Event()
        self.is_paused = False  # the client has not taken most of what was written

    @property
    def is_closing(self) -> bool:
        """Tell whether it closes, or is closed."""
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send *data*, unless it closes: uvloop's transports raise then, asyncio's do not."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def has_unsent(self) -> bool:
        """Tell whether some of what was written is not even with the kernel."""
        return self._transport.get_write_buffer_size() > 0

    def pause(self) -> None:
        """Wait for the client to take its answers, but not for ever."""
        self.is_paused = True
        self._writable.clear()
        self._deadline.start()

    def resume(self) -> None:
        """Go on, unless it closes: then the rest has to be taken in time, too."""
        if not self._transport.is_closing():
            self._deadline.cancel()
        self.is_paused = False
        self._writable.set()

    async def drain(self) -> None:
        """Wait until writing is no longer paused."""
        await self._writable.wait()

    def close(self) -> None:
        """Close when all is sent."""
        if not self._transport.is_closing():
            self._transport.close()
            self._deadline.start()

    def end(self) -> None:
        """Take note that the transport is closed, so that nobody waits."""
        self._deadline.close()
        self._writable.set()
