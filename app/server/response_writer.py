"""Writer of a connection's responses, with flow control and a deadline for what its client does not read."""

import socket
from asyncio import Event, Transport, WriteTransport

from app.limits.deadline import Deadline

# Written and not sent, in the process and again in the kernel, before no more is written for a connection.
MAX_UNSENT_BYTES = 16_384
# Received and not read. A read takes all of it, and that is held until the requests before are served: up to
# 256 KiB if the kernel decides. Linux allows twice as much as is said here.
MAX_UNREAD_BYTES = 16_384


class ResponseWriter:
    """A *transport* that is written to; *deadline* runs while too much is unsent, or while it closes."""

    __slots__ = ("_deadline", "_resumed", "_transport", "is_paused")

    def __init__(self, transport: Transport, deadline: Deadline) -> None:
        self._transport = transport
        self._deadline = deadline
        self._resumed: Event | None = None  # while somebody waits for it
        self.is_paused = False  # the client has not taken most of what was written

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
        self._deadline.start()

    def resume(self) -> None:
        """Go on, unless it closes: then the rest has to be taken in time, too."""
        if not self._transport.is_closing():
            self._deadline.cancel()
        self._go_on()

    async def drain(self) -> None:
        """Wait until writing is no longer paused."""
        if self.is_paused:
            self._resumed = self._resumed or Event()
            await self._resumed.wait()

    def close(self) -> None:
        """Close when all is sent."""
        if not self._transport.is_closing():
            self._transport.close()
            self._deadline.start()

    def end(self) -> None:
        """Take note that the transport is closed, so that nobody waits."""
        self._deadline.close()
        self._go_on()

    def _go_on(self) -> None:
        self.is_paused = False
        if self._resumed is not None:
            self._resumed.set()
            self._resumed = None


def bound_unread(transport: WriteTransport, seconds: float) -> None:
    """Bound what the process and the kernel keep for a client that does not read, or sends ahead.

    The kernel alone knows of what is sent and unread, and ends the connection when nothing of it is read for
    so many *seconds* (RFC 5482). It would take megabytes more before anything is unsent here, and a hundred
    requests would be answered that nobody reads. A client that reads is sent as much at once as before.
    """
    transport.set_write_buffer_limits(MAX_UNSENT_BYTES)
    opened = transport.get_extra_info("socket")
    if opened.family == socket.AF_UNIX:  # a program of this machine, at the metrics
        return
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * seconds))
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MAX_UNREAD_BYTES)
