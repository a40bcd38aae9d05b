"""Static files in memory: content, gzip and entity tag of a file's present version."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from app.api.errors import NotFound

_COMPRESSIBLE = frozenset({".css", ".html", ".js", ".json", ".svg", ".webmanifest"})
_HASH_LENGTH = 16


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One version of a file, ready to be sent."""

    content: bytes
    compressed: bytes | None
    hash: str

    @property
    def etag(self) -> str:
        """A weak entity tag: it is the same for the content as it is and compressed (RFC 9110, 8.8.3)."""
        return f'W/"{self.hash}"'


class StaticFile:
    """A file that is read, hashed and compressed once for each of its versions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = (0, 0)
        self._version: FileVersion | None = None

    def read(self) -> FileVersion:
        """Return the file as it is now. Raise `NotFound` when it is there no more."""
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if self._version is None or stamp != self._stamp:
                self._version = make_version(self.path.read_bytes(), self.path.suffix)
                self._stamp = stamp
        except FileNotFoundError:
            raise NotFound from None
        return self._version


def make_version(content: bytes, suffix: str) -> FileVersion:
    """Hash *content* of a file with the name's *suffix*, and compress it where that makes it smaller."""
    compressed = gzip.compress(content, mtime=0) if suffix in _COMPRESSIBLE else content
    return FileVersion(
        content,
        compressed if len(compressed) < len(content) else None,
        hashlib.sha256(content).hexdigest()[:_HASH_LENGTH],
    )


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether a request with this Accept-Encoding takes gzip (RFC 9110, section 12.5.3)."""
    codings = [part.replace(" ", "").lower().split(";") for part in accept_encoding.split(",")]
    return any(coding == "gzip" and "q=0" not in parameters for coding, *parameters in codings)


def is_known(if_none_match: str, etag: str) -> bool:
    """Tell whether If-None-Match names *etag*, by the weak comparison (RFC 9110, section 13.1.2)."""
    named = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in named or etag.removeprefix("W/") in named
