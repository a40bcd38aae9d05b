"""The web app: each file of `web/` at its own path, for browsers here and for pages elsewhere."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

Handler = Callable[[Request], Awaitable[Response]]

# What is served, and as what. Whatever else lies in the folder, like notes, is not for visitors.
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_INDEX = Path("index.html")
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
    "Cache-Control": "no-cache",  # kept, but asked about before each use: two versions' files must not mix
    "Content-Security-Policy": _SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}


def router(folders: Mapping[str, Path]) -> APIRouter:
    """Return a route for each file of *folders*, by URL prefix; without any, `/` leads to the documents."""
    pages = APIRouter()
    if not folders:
        pages.add_route("/", _documentation, include_in_schema=False)
    for prefix, folder in folders.items():
        files = [file.relative_to(folder) for file in folder.rglob("*") if file.is_file()]
        for file in filter(_is_for_visitors, files):
            page = _page(folder / file)
            pages.add_route(f"{prefix}/{file.as_posix()}", page, include_in_schema=False)
            if file == _INDEX:
                pages.add_route(f"{prefix}/", page, include_in_schema=False)
    return pages


def _is_for_visitors(file: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.parts)
    return file.suffix in MEDIA_TYPES and not hidden and not file.name.endswith(_TEST)


async def _documentation(_: Request) -> Response:
    return RedirectResponse("/docs")


def _page(file: Path) -> Handler:
    """Return what answers with *file*, or with 304 to who has it already (RFC 9110, section 13.1.2)."""

    async def page(request: Request) -> Response:
        content = await to_thread.run_sync(file.read_bytes)
        tag = f'"{sha256(content).hexdigest()}"'
        headers = HEADERS | {"ETag": tag}
        if tag in request.headers.get("If-None-Match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(content, headers=headers, media_type=MEDIA_TYPES[file.suffix])

    return page
