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
from app.api.static_files import (
    MEDIA_TYPES,
    FileVersion,
    StaticFile,
    VersionedFiles,
    make_version,
    version_response,
)

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
_LOOPBACK = ("127.0.0.1", "[::1]")

# The scripts of the page, as one file.
_BUNDLE = "/app.js"
_ENTRY = "/app/main.js"
# What the page's service worker keeps: the page, the bundle, styles and icons, each with its hash; and of
# the languages, the one that is used.
_MANIFEST = "/shell.json"
_LANGUAGES = "languages/"
_SCRIPT = ".js"


@dataclass(frozen=True, slots=True)
class Page:
    """File *name* of a folder, which is served at a path."""

    path: str
    name: str
    folder: VersionedFiles

    @property
    def file(self) -> StaticFile:
        """The file itself."""
        return self.folder.file(self.name)


@dataclass(frozen=True, slots=True)
class ShellManifest:
    """List of the app's files with the hash of each, and one for all: the version of the app."""

    files: Mapping[str, StaticFile | ScriptBundle]
    languages: Mapping[str, StaticFile]
    path: str = _MANIFEST
    media_type: str = "application/json"

    def read(self) -> FileVersion:
        """Return the list as it is now."""
        found = {"files": _hashes(self.files), "languages": _hashes(self.languages)}
        version = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]
        return make_version(json.dumps({"version": version, **found}).encode(), ".json")


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
            own = dict(_root_files(found))
            shell: dict[str, StaticFile | ScriptBundle] = {
                name: file for name, file in own.items() if not name.endswith(_SCRIPT)
            }
            shell[_BUNDLE.removeprefix("/")] = bundle
            languages = {name: file for name, file in own.items() if name.startswith(_LANGUAGES)}
            self._pages |= {_BUNDLE: bundle, _MANIFEST: ShellManifest(shell, languages)}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        page = self._pages.get(scope["path"]) if scope["type"] == "http" else None
        if page is None:
            return self._others(scope, receive, send)
        scope["route"] = page  # as Starlette's router sets it: the request log tells its path
        return _serve(page, scope, receive, send)


def _hashes(files: Mapping[str, StaticFile | ScriptBundle]) -> dict[str, str]:
    return {name: file.read().hash for name, file in files.items()}


async def _serve(
    page: Page | ScriptBundle | ShellManifest, scope: Scope, receive: Receive, send: Send
) -> None:
    if isinstance(page, Page):
        response = await page.folder.get_response(page.name, scope)
    elif scope["method"] == "GET":
        response = version_response(page.read(), page.media_type, scope)
    else:
        raise MethodNotAllowed("GET, HEAD")
    response.headers.update(_AT_LOOPBACK if _is_at_loopback(scope) else HEADERS)
    await response(scope, receive, send)


def _is_at_loopback(scope: Scope) -> bool:
    return Headers(scope=scope).get("host", "").startswith(_LOOPBACK)


def _pages(prefix: str, folder: Path) -> Iterator[Page]:
    files = VersionedFiles(folder)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and _is_public(name):
            yield Page(f"{prefix}/{name.as_posix()}", name.as_posix(), files)
            if name.as_posix() == _INDEX:
                yield Page(f"{prefix}/", _INDEX, files)


def _root_files(pages: Iterable[Page]) -> Iterator[tuple[str, StaticFile]]:
    """Return the files of the app itself by their URLs, relative to the page's."""
    for page in pages:
        url = page.path.removeprefix("/")
        if url in (page.name, "") and url != _INDEX:
            yield url or "./", page.file


def _is_public(name: Path) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    return name.suffix in MEDIA_TYPES and not hidden and not name.name.endswith(_TEST)
