"""A value that is too large for one frame goes in parts: binary frames, each a sealed slice of its JSON."""

from collections.abc import Iterator

from tests.peer.errors import BrokenSeal
from tests.peer.sealing import Format, decrypt, encrypt, parse_json

# JSON that goes in one frame: every WebRTC implementation takes 64 KiB, and base64 makes four bytes of three.
MAX_WHOLE_BYTES = 48_000

# JSON in one part, which is not spelled in base64.
PART_BYTES = 60_000

# A value that is taken: it waits in memory until its last part is here.
MAX_VALUE_BYTES = 16 * 1024 * 1024

# Many small parts would take more memory than they carry.
MAX_PARTS = 4096


class TooLarge(Exception):
    """More than any value may have has come in parts."""


def in_parts(method: str, plain: bytes, key: bytes) -> Iterator[bytes]:
    """Yield the frames of a value's JSON, the last one marked."""
    for start in range(0, len(plain), PART_BYTES):
        end = start + PART_BYTES
        yield encrypt(method, Format.MORE if end < len(plain) else Format.LAST, plain[start:end], key)


class Joining:
    """The parts of a value that have come so far; `take` gives the value with the last one."""

    def __init__(self, method: str, key: bytes) -> None:
        self._method = method
        self._key = key
        self._parts: list[bytes] = []
        self._joined = 0

    def take(self, frame: bytes) -> list[object]:
        """Return the value that *frame* completes, or nothing. Raise `BrokenSeal`, or `TooLarge`."""
        form, content = decrypt(self._method, frame, self._key)
        if form not in {Format.MORE, Format.LAST}:
            raise BrokenSeal("a binary frame is a part of a value")
        if self._joined + len(content) > MAX_VALUE_BYTES or len(self._parts) >= MAX_PARTS:
            raise TooLarge
        self._parts.append(content)
        self._joined += len(content)
        return [self._join()] if form is Format.LAST else []

    def _join(self) -> object:
        plain = b"".join(self._parts)
        self._parts, self._joined = [], 0
        return parse_json(plain)
