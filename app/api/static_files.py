"""Static files in memory: Starlette's `StaticFiles` with gzip, made once, and entity tags of the content."""

import gzip
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Receive, Scope, Send

from app.api.errors import NotFound

# The files that are served, and as what: a machine's own table of types may lack some. Other files in the
# folders, like notes, are not for visitors.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_COMPRESSIBLE = frozenset({".css", ".html", ".js", ".json", ".svg", ".webmanifest"})
_HASH_LENGTH = 16
_SLICE_BYTES = 16_384


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


class VersionedFiles(StaticFiles):
    """`StaticFiles` of a folder that answers with the present version of each file."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        self._root = directory.resolve()
        self._files: dict[Path, StaticFile] = {}

    def file(self, name: str) -> StaticFile:
        """Return the file of this *name*, the same each time."""
        return self._at(self._root / name)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        _stat_result: os.stat_result,
        scope: Scope,
        _status_code: int = 200,
    ) -> Response:
        """Return the answer to a request for a file that is there."""
        path = Path(full_path)
        return version_response(self._at(path).read(), MEDIA_TYPES[path.suffix], scope)

    def _at(self, path: Path) -> StaticFile:
        return self._files.setdefault(path, StaticFile(path))


def version_response(version: FileVersion, media_type: str, scope: Scope) -> Response:
    """Return the answer with *version*, or that the client has it already."""
    request, headers = Headers(scope=scope), {"ETag": version.etag, "Vary": "Accept-Encoding"}
    if _is_known(request.get("if-none-match", ""), version.etag):
        return NotModifiedResponse(Headers(headers))
    body = version.content
    if version.compressed is not None and _accepts_gzip(request.get("accept-encoding", "")):
        body, headers["Content-Encoding"] = version.compressed, "gzip"
    return SlicedResponse(body, headers=headers, media_type=media_type)


class SlicedResponse(Response):
    """`Response` that is sent a slice at a time, no faster than its client reads.

    One write would copy all of it for each connection, be it read or not.
    """

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = memoryview(self.body)
        for start in range(0, max(1, len(body)), _SLICE_BYTES):
            part, more = bytes(body[start : start + _SLICE_BYTES]), start + _SLICE_BYTES < len(body)
            await send({"type": "http.response.body", "body": part, "more_body": more})


def _accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether a request with this Accept-Encoding takes gzip (RFC 9110, section 12.5.3)."""
    codings = [part.replace(" ", "").lower().split(";") for part in accept_encoding.split(",")]
    return any(coding == "gzip" and "q=0" not in parameters for coding, *parameters in codings)


def _is_known(if_none_match: str, etag: str) -> bool:
    """Tell whether If-None-Match names *etag*, by the weak comparison (RFC 9110, section 13.1.2)."""
    named = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in named or etag.removeprefix("W/") in named
