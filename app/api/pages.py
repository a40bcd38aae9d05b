"""Static files of the web app and the browser client, with their Content-Security-Policy."""

import hashlib
import json
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import MethodNotAllowed
from app.api.script_bundle import ScriptBundle
from app.api.static_files import FileVersion, StaticFile, accepts_gzip, is_known, make_version

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
_INDEX = "index.html"
_TEST = ".test.js"

# What runs, is shown and is asked comes from here alone; media may also come from a peer. A worker obeys the
# headers of its own script, so every file has them. `whisper` is for that script's address: `register` takes
# it only as a trusted type.
_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types whisper"
)
HEADERS = {
    "Accept-Ranges": "none",
    "Cache-Control": "no-cache",  # kept, but asked about before each use: two versions' files must not mix
    "Content-Security-Policy": _SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
    "Vary": "Accept-Encoding",
}


# At a loopback address the app asks whether localhost is the same server, and goes there.
_AT_LOOPBACK = HEADERS | {
    "Content-Security-Policy": _SECURITY_POLICY.replace(
        "connect-src 'self'", "connect-src 'self' http://localhost:*"
    )
}
_LOOPBACK = ("127.0.0.1", "[::1]")

# The scripts of the page, as one file.
_BUNDLE = "/app.js"
_ENTRY = "/app/main.js"
# What the page's service worker keeps: the page, the bundle, styles and icons, each with its hash.
_MANIFEST = "/shell.json"
_SCRIPT = ".js"


@dataclass(frozen=True, slots=True)
class Page:
    """A file that is served at *prefix* under a name; an index has none."""

    prefix: str
    name: str
    file: StaticFile

    @property
    def path(self) -> str:
        """The path of its URL."""
        return f"{self.prefix}/{self.name}"

    @property
    def media_type(self) -> str:
        """Its Content-Type."""
        return MEDIA_TYPES[self.file.path.suffix]

    def read(self) -> FileVersion:
        """Return its present version."""
        return self.file.read()


@dataclass(frozen=True, slots=True)
class ShellManifest:
    """List of the app's files with the hash of each, and one for all: the version of the app."""

    files: Mapping[str, StaticFile | ScriptBundle]
    path: str = _MANIFEST
    media_type: str = "application/json"

    def read(self) -> FileVersion:
        """Return the list as it is now."""
        hashes = {name: file.read().hash for name, file in self.files.items()}
        version = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:16]
        return make_version(json.dumps({"version": version, "files": hashes}).encode(), ".json")


class Pages:
    """ASGI application that serves the files which *folders* have now, each at its folder's URL prefix.

    Requests for any other path go to *others*. Whoever names the present version of a file gets a 304.
    """

    def __init__(self, others: ASGIApp, folders: Mapping[str, Path]) -> None:
        self._others = others
        found = [page for prefix, folder in folders.items() for page in _pages(prefix, folder)]
        self._pages: dict[str, Page | ScriptBundle | ShellManifest] = {page.path: page for page in found}
        if _ENTRY in self._pages:
            bundle = ScriptBundle(_BUNDLE, _ENTRY, {page.path: page.file for page in found})
            shell = dict(_shell_files(found)) | {_BUNDLE.removeprefix("/"): bundle}
            self._pages |= {_BUNDLE: bundle, _MANIFEST: ShellManifest(shell)}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        page = self._pages.get(scope["path"]) if scope["type"] == "http" else None
        if page is None:
            return self._others(scope, receive, send)
        scope["route"] = page  # as Starlette's router sets it: the request log tells its path
        if scope["method"] != "GET":
            raise MethodNotAllowed("GET, HEAD")
        return _send_version(page, Headers(scope=scope), send)


async def _send_version(page: Page | ScriptBundle | ShellManifest, request: Headers, send: Send) -> None:
    version = page.read()
    headers = {**(_AT_LOOPBACK if _is_at_loopback(request) else HEADERS), "ETag": version.etag}
    status, body = 304, b""
    if not is_known(request.get("if-none-match", ""), version.etag):
        status, body = 200, version.content
        if version.compressed is not None and accepts_gzip(request.get("accept-encoding", "")):
            body = version.compressed
            headers["Content-Encoding"] = "gzip"
        headers |= {"Content-Type": page.media_type, "Content-Length": str(len(body))}
    await send({"type": "http.response.start", "status": status, "headers": Headers(headers).raw})
    await send({"type": "http.response.body", "body": body})


def _is_at_loopback(request: Headers) -> bool:
    return request.get("host", "").startswith(_LOOPBACK)


def _pages(prefix: str, folder: Path) -> Iterator[Page]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and _is_public(Path(name)):
            page = Page(prefix, name, StaticFile(path))
            yield page
            if name == _INDEX:
                yield Page(prefix, "", page.file)


def _shell_files(pages: Iterable[Page]) -> Iterator[tuple[str, StaticFile]]:
    for page in pages:
        if not page.prefix and page.name != _INDEX and page.file.path.suffix != _SCRIPT:
            yield page.name or "./", page.file


def _is_public(name: Path) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    return name.suffix in MEDIA_TYPES and not hidden and not name.name.endswith(_TEST)
