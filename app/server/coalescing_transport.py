"""Transport that coalesces the head of a response with its body: one packet, one wake-up of the client."""

from asyncio import BaseProtocol, Transport
from collections.abc import Callable, Iterable

_VERSION = b"HTTP/1.1 "
_INTERIM = b"1"  # "100 Continue" (RFC 9110, section 15.2): the client waits for it
_CLASS = slice(len(_VERSION), len(_VERSION) + 1)  # of a status: its first digit

Buffer = bytes | bytearray | memoryview


class CoalescingTransport(Transport):
    """A *transport* that holds back the head of a response until its body is written.

    It goes with what is written next, or when it is flushed, or closed: never before the first of its body.
    What is written after the end is dropped, as asyncio's transports do and uvloop's do not.
    Nothing is passed on unseen: a method of the transport that is not here raises `NotImplementedError`.
    *on_close* is called when it begins to close, by whomever: it ends when all is sent, which may be never.
    """

    def __init__(self, transport: Transport, on_close: Callable[[], None]) -> None:
        super().__init__()
        self._transport = transport
        self._on_close = on_close
        self._head = b""

    def write(self, data: Buffer) -> None:
        """Send *data*, after the head that was held back; or hold it back."""
        if self._transport.is_closing():
            return
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        elif data[: len(_VERSION)] == _VERSION and data[_CLASS] != _INTERIM:
            self._head = bytes(data)
        else:
            self._transport.write(data)

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send all of *list_of_data*, in one."""
        self.write(b"".join(list_of_data))

    def flush(self) -> None:
        """Send the head that was held back: nothing follows it."""
        if self._head:
            self.write(b"")

    def write_eof(self) -> None:
        """End this direction when all is sent."""
        self.flush()
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        """Tell whether this direction can be ended alone."""
        return self._transport.can_write_eof()

    def close(self) -> None:
        """Close when all is sent."""
        if not self._transport.is_closing():
            self.flush()
            self._transport.close()
            self._on_close()

    def abort(self) -> None:
        """Close at once; what is unsent is lost."""
        self._head = b""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Tell whether it is closing, or closed."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Receive nothing for a while."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self._transport.resume_reading()

    def is_reading(self) -> bool:
        """Tell whether it receives."""
        return self._transport.is_reading()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return the socket, an address, or what else is known of the connection."""
        return self._transport.get_extra_info(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set when the protocol is told to pause, and to go on."""
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return at how many bytes the protocol is told to go on, and to pause."""
        return self._transport.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are unsent."""
        return len(self._head) + self._transport.get_write_buffer_size()

    def set_protocol(self, protocol: BaseProtocol) -> None:
        """Give the connection to another protocol."""
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> BaseProtocol:
        """Return the protocol of the connection."""
        return self._transport.get_protocol()
