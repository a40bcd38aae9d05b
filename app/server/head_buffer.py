"""A transport that sends the head of an answer together with its body: one packet, one wake-up."""

from asyncio import Transport
from typing import Any

_VERSION = b"HTTP/1.1 "
_INTERIM = b"1"  # "100 Continue" (RFC 9110, section 15.2): the client waits for it
_CLASS = slice(len(_VERSION), len(_VERSION) + 1)  # of a status: its first digit


class HeadBuffer:
    """A *transport* that holds back what looks like the head of an answer.

    It goes with what is written next, or when it is flushed, or closed: never before the first of its body.
    All else is the transport's own.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._head = b""
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the transport has
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send *data*, and what was held back before it; or hold it back."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        elif data[: len(_VERSION)] == _VERSION and data[_CLASS] != _INTERIM:
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send what was held back: nothing follows it."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close when all is sent."""
        self.flush()
        self._transport.close()
