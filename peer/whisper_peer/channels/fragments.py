"""Fragmentation of large values into binary frames, each a sealed slice of the JSON."""

from collections.abc import Iterator

from whisper_peer.channels.byte_budget import ByteBudget
from whisper_peer.errors import BrokenSeal, OverLimit
from whisper_peer.protocol.sealing import Format, decrypt, encrypt

# JSON that goes in one frame: every WebRTC implementation takes 64 KiB, and base64 makes four bytes of three.
MAX_FRAME_BYTES = 48_000

# JSON in one fragment, which is not spelled in base64.
FRAGMENT_BYTES = 60_000

# A value that is accepted: it waits in memory until its last fragment is here.
MAX_VALUE_BYTES = 16 * 1024 * 1024

# Many small fragments would take more work than they carry.
MAX_FRAGMENTS = 4096


def fragment(method: str, plain: bytes, key: bytes) -> Iterator[bytes]:
    """Yield the frames of a value's JSON, the last one marked."""
    for start in range(0, len(plain), FRAGMENT_BYTES):
        end = start + FRAGMENT_BYTES
        yield encrypt(method, Format.MORE if end < len(plain) else Format.LAST, plain[start:end], key)


class Reassembler:
    """Buffer of one value's fragments, counted in *budget* until the value is returned."""

    def __init__(self, method: str, key: bytes, budget: ByteBudget) -> None:
        self._method = method
        self._key = key
        self._budget = budget
        self._fragments: list[bytes] = []
        self._size = 0

    def add(self, frame: bytes) -> bytes | None:
        """Return the JSON that *frame* completes, if it does. Raise `BrokenSeal`, or `OverLimit`."""
        form, content = decrypt(self._method, frame, self._key)
        if form not in {Format.MORE, Format.LAST}:
            raise BrokenSeal("a binary frame is a part of a value")
        if self._size + len(content) > MAX_VALUE_BYTES or len(self._fragments) >= MAX_FRAGMENTS:
            raise OverLimit(f"a value has at most {MAX_VALUE_BYTES} bytes and {MAX_FRAGMENTS} parts")
        self._budget.charge(content)
        self._fragments.append(content)
        self._size += len(content)
        return self._complete() if form is Format.LAST else None

    def _complete(self) -> bytes:
        fragments, self._fragments, self._size = self._fragments, [], 0
        for content in fragments:
            self._budget.release(content)
        return b"".join(fragments)
