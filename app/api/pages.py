"""Static files of the web app and the browser client, with their Content-Security-Policy."""

from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import MethodNotAllowed

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
}


# At a loopback address the app asks whether localhost is the same server, and goes there.
_AT_LOOPBACK = HEADERS | {
    "Content-Security-Policy": _SECURITY_POLICY.replace(
        "connect-src 'self'", "connect-src 'self' http://localhost:*"
    )
}
_LOOPBACK = (b"127.0.0.1", b"[::1]")


@dataclass(frozen=True, slots=True)
class Page:
    """A file that is served at a path: *name* in its folder."""

    path: str
    name: str
    folder: StaticFiles

    @property
    def media_type(self) -> str:
        """Its Content-Type."""
        return MEDIA_TYPES[Path(self.name).suffix]


class Pages:
    """ASGI application that serves the files which *folders* have now, each at its folder's URL prefix.

    Requests for any other path go to *others*. Starlette's `StaticFiles` reads the files and answers
    conditional requests.
    """

    def __init__(self, others: ASGIApp, folders: Mapping[str, Path]) -> None:
        self._others = others
        found = [page for prefix, folder in folders.items() for page in _pages(prefix, folder)]
        self._pages = {page.path: page for page in found}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        page = self._pages.get(scope["path"]) if scope["type"] == "http" else None
        if page is None:
            return self._others(scope, receive, send)
        scope["route"] = page  # as Starlette's router sets it: the request log tells its path
        if scope["method"] != "GET":
            raise MethodNotAllowed("GET, HEAD")
        heads = [
            header for header in scope["headers"] if header[0] != b"range"
        ]  # it may be ignored (RFC 9110)
        inner = {**scope, "path": f"/{page.name}", "root_path": "", "headers": heads}
        headers = _AT_LOOPBACK if _is_at_loopback(scope) else HEADERS
        return page.folder(inner, receive, _with_headers(send, headers, page.media_type))


def _is_at_loopback(scope: Scope) -> bool:
    return any(name == b"host" and value.startswith(_LOOPBACK) for name, value in scope["headers"])


def _pages(prefix: str, folder: Path) -> Iterator[Page]:
    static = StaticFiles(directory=folder)
    for file in folder.rglob("*"):
        name = file.relative_to(folder)
        if file.is_file() and _is_public(name):
            yield Page(f"{prefix}/{name.as_posix()}", name.as_posix(), static)
            if name.as_posix() == _INDEX:
                yield Page(f"{prefix}/", _INDEX, static)


def _is_public(name: Path) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    return name.suffix in MEDIA_TYPES and not hidden and not name.name.endswith(_TEST)


def _with_headers(send: Send, added: Mapping[str, str], media_type: str) -> Send:
    def send_with_headers(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(added)
            if "content-type" in headers:  # a 304 has none
                headers["content-type"] = media_type
        return send(message)

    return send_with_headers
