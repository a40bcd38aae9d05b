"""Files of the web app and the client, and nothing else, as browsers want them."""

import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.engine import URL
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from app.api.static_files import MEDIA_TYPES
from app.api.web_app import Pages
from app.push.vapid import VapidKey
from app.settings import WEB_FOLDERS, Settings
from tests.conftest import serving
from tests.processes import ROOT, program

pytestmark = pytest.mark.anyio

ORIGIN = {"Origin": "https://app.example.org"}


def everything_in(folder: Path) -> list[str]:
    """Return the path of whatever is in *folder*."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


SERVED = {
    f"{prefix}/{path}".removeprefix("/"): folder / path
    for prefix, folder in WEB_FOLDERS.items()
    for path in everything_in(folder)
    if Path(path).suffix in MEDIA_TYPES
}
FILES = list(SERVED)


@pytest.fixture(scope="module")
async def client(migrated: URL) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of one application for all tests: none of them calls anybody."""
    settings = Settings(
        _env_file=None,
        database_url=migrated.render_as_string(hide_password=False),
        vapid_private_key=VapidKey.generate().private_text,
        vapid_subject="mailto:operator@example.org",
    )
    async with serving(settings) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files for visitors, and with some that are not."""
    for name in [
        "index.html",
        "js/call.js",
        "js/call.test.js",
        "README.md",
        ".env",
        ".cache/call.js",
        "x.js/y",
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"this is {name}")
    return tmp_path


@pytest.fixture
async def visitor(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an application that has these files alone."""
    app = Pages(PlainTextResponse(status_code=404), {"": folder})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://whisper") as opened:
        yield opened


@pytest.mark.parametrize("file", FILES)
async def test_every_file_is_at_its_path(client: httpx.AsyncClient, file: str) -> None:
    """As it is, for a page here and for one elsewhere."""
    response = await client.get(f"/{file}", headers=ORIGIN)

    assert (response.status_code, response.content) == (200, SERVED[file].read_bytes())
    assert response.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"


async def test_only_files_for_visitors_are_served(visitor: httpx.AsyncClient, folder: Path) -> None:
    """No notes, no tests, nothing hidden, no folder."""
    paths = ["/", *(f"/{path}" for path in everything_in(folder))]

    answers = {path: (await visitor.get(path)).status_code for path in paths}

    assert {path for path, status in answers.items() if status == 200} == {"/", "/index.html", "/js/call.js"}
    assert set(answers.values()) == {200, 404}


@pytest.mark.parametrize("module", ["whisper.js", "worker.js"])
async def test_the_client_keeps_its_public_address(client: httpx.AsyncClient, module: str) -> None:
    """Pages of other origins import it from `/js/`; the app here from where it lies."""
    public, own = await client.get(f"/js/{module}"), await client.get(f"/client/{module}")

    assert (public.status_code, public.content) == (200, own.content)


async def test_a_folder_is_under_its_prefix_alone(tmp_path: Path) -> None:
    """Two folders do not mix."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.js").touch()
    app = Pages(PlainTextResponse(status_code=404), {"": tmp_path / "one", "/other": tmp_path / "other"})

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://whisper") as visitor:
        paths = ["/one.js", "/other/other.js", "/other.js", "/other/one.js"]
        answers = [(await visitor.get(path)).status_code for path in paths]

    assert answers == [200, 200, 404, 404]


async def test_the_root_is_the_page(visitor: httpx.AsyncClient) -> None:
    """Under the shortest address that there is."""
    assert (await visitor.get("/")).text == "this is index.html"


@pytest.mark.parametrize(
    ("file", "media_type"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.webmanifest", "application/manifest+json"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
    ],
)
async def test_a_file_says_what_it_is(tmp_path: Path, file: str, media_type: str) -> None:
    """The same on every machine: a browser runs a module only if it is said to be one."""
    (tmp_path / file).touch()
    app = Pages(PlainTextResponse(status_code=404), {"": tmp_path})

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://whisper") as visitor:
        response = await visitor.get(f"/{file}")

    assert response.headers["content-type"] == media_type


async def test_a_file_is_kept_but_asked_about(visitor: httpx.AsyncClient, folder: Path) -> None:
    """Unchanged it is not sent again; changed it is, without a restart."""
    first = await visitor.get("/js/call.js")
    known = {"If-None-Match": first.headers["etag"]}
    again = await visitor.get("/js/call.js", headers=known)
    (folder / "js/call.js").write_text("this is new")
    changed = await visitor.get("/js/call.js", headers=known)

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert (changed.status_code, changed.text) == (200, "this is new")
    assert changed.headers["etag"] != first.headers["etag"]


async def test_a_file_that_was_written_again_is_the_same(visitor: httpx.AsyncClient, folder: Path) -> None:
    """A new release does not make browsers fetch what has not changed: the tag is of the content."""
    first = await visitor.get("/js/call.js")
    (folder / "js/call.js").write_bytes(first.content)
    os.utime(folder / "js/call.js", (0, 0))

    again = await visitor.get("/js/call.js", headers={"If-None-Match": f'"x", {first.headers["etag"]}'})

    assert again.status_code == 304


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("br, gzip", "gzip"), ("GZIP;q=0.5", "gzip"), ("gzip;q=0", None), ("br", None), ("", None)],
)
async def test_a_file_comes_compressed(
    client: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    """For who takes gzip; a cache keeps both apart."""
    response = await client.get("/style.css", headers={"Accept-Encoding": accepted})

    assert response.headers.get("content-encoding") == encoding
    assert response.content == SERVED["style.css"].read_bytes()
    assert "Accept-Encoding" in response.headers["vary"]


async def test_a_file_that_is_gone_is_not_found(folder: Path) -> None:
    """Since the server has started."""
    app = Pages(PlainTextResponse(status_code=404), {"": folder})
    (folder / "js/call.js").unlink()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://whisper") as visitor:
        with pytest.raises(HTTPException, match="404"):
            await visitor.get("/js/call.js")


async def test_the_shell_is_listed(client: httpx.AsyncClient) -> None:
    """Whatever the page loads, each file with the hash in its ETag."""
    listed = (await client.get("/shell.json")).json()
    hashes = listed["files"] | listed["languages"]

    tags = {name: (await client.get(f"/{name}")).headers["etag"] for name in hashes}
    page = (await client.get("/")).text
    assert {name: f'W/"{digest}"' for name, digest in hashes.items()} == tags
    assert "languages/de.js" in listed["languages"].keys() - listed["files"].keys()
    assert set(re.findall(r'(?:href|src)="([^"#]+)"', page)) <= tags.keys()


@pytest.mark.parametrize("changed", ["app/main.js", "languages/de.js"])
async def test_any_change_makes_another_version(tmp_path: Path, changed: str) -> None:
    """Of the app; no restart is needed."""
    for name in ("index.html", "app/main.js", "languages/de.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    app = Pages(PlainTextResponse(status_code=404), {"": tmp_path})

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://whisper") as visitor:
        first = (await visitor.get("/shell.json")).json()
        (tmp_path / changed).write_text("run();")
        second = (await visitor.get("/shell.json")).json()

    assert first["version"] != second["version"]
    assert first["files"]["./"] == second["files"]["./"]


async def test_what_is_kept_keeps_its_headers(client: httpx.AsyncClient) -> None:
    """A 304 renews those of the kept answer (RFC 9111, section 3.2), so it must not bring the API's."""
    first = await client.get(f"/{FILES[0]}")
    again = await client.get(f"/{FILES[0]}", headers={"If-None-Match": first.headers["etag"]})

    assert again.status_code == 304
    assert {**again.headers, "x-request-id": first.headers["x-request-id"]}.items() <= first.headers.items()
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]


@pytest.mark.parametrize("file", FILES)
async def test_a_file_runs_only_what_comes_from_here(client: httpx.AsyncClient, file: str) -> None:
    """Its policy allows nothing but what is named, and that is this server; a worker obeys its script's."""
    response = await client.get(f"/{file}")

    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    assert policy.pop("script-src") == policy.pop("worker-src") == policy.pop("connect-src") == "'self'"
    assert policy.pop("require-trusted-types-for") == "'script'"
    assert policy.pop("trusted-types") == "whisper"
    assert set(" ".join(policy.values()).split()) <= {"'none'", "'self'", "blob:", "data:"}
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"


async def test_camera_and_microphone_are_for_the_page_alone(client: httpx.AsyncClient) -> None:
    """Not for what it might show in a frame."""
    allowed = (await client.get(f"/{FILES[0]}")).headers["permissions-policy"]

    assert {"camera=(self)", "microphone=(self)", "geolocation=()"} <= set(re.split(", ", allowed))


@pytest.mark.parametrize(
    "path", ["/nowhere", "/js", "/js/", "/js/nothing.js", "/..%2fpyproject.toml", "/%00"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_any_other_path_is_not_found(client: httpx.AsyncClient, method: str, path: str) -> None:
    """In the form of every refusal, which is not kept."""
    response = await client.request(method, path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("asked", ["bytes=0-3", "bytes=9999999-", "bytes=0-1,3-4", "bytes=x", "lines=1-2"])
async def test_a_file_comes_whole(client: httpx.AsyncClient, asked: str) -> None:
    """A Range may be ignored (RFC 9110, section 14.2): no answer in a form of its own, good or bad."""
    response = await client.get("/style.css", headers={"Range": asked})

    assert (response.status_code, response.headers["accept-ranges"]) == (200, "none")
    assert response.headers["content-type"].startswith("text/css")


async def test_a_file_takes_no_post(client: httpx.AsyncClient) -> None:
    """It is only read."""
    refused = await client.post(f"/{FILES[0]}")

    assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert (await client.head(f"/{FILES[0]}")).status_code == 200


def test_the_installed_app_opens_with_nothing_from_outside() -> None:
    """No share target and no handler of files or protocols: what others choose can set nothing off."""
    manifest = json.loads(SERVED["manifest.webmanifest"].read_text())

    assert manifest["start_url"] == "./"
    assert not {"share_target", "file_handlers", "protocol_handlers", "launch_handler"} & manifest.keys()


async def test_the_web_app_can_be_off(settings: Settings) -> None:
    """Then nothing of it is served, and a visitor of the root is led to the documentation."""
    async with serving(settings.model_copy(update={"web_app": False})) as client:
        root = await client.get("/", follow_redirects=True)
        answers = {(await client.get(f"/{file}")).status_code for file in FILES}

    assert (root.status_code, root.url.path) == (200, "/docs")
    assert answers == {404}


def test_a_web_app_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """The server does not start without it, unless it is told to."""
    shutil.copytree(ROOT / "app", tmp_path / "app")
    env = {
        "PYTHONPATH": str(tmp_path),
        "COVERAGE_PROCESS_CONFIG": "",  # what the copy runs does not count
        "WHISPER_DATABASE_URL": "postgresql://127.0.0.1:1/calls",
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
    }

    with program(sys.executable, "-m", "app", "serve", env=env, cwd=tmp_path) as server:
        status = server.ended()

    told = [line for line in server.lines if line.startswith("whisper: ")]
    assert (status, len(told), server.lines[-1]) == (1, 1, told[0])
    assert told[0].startswith("whisper: WHISPER_WEB_APP is on, but there is no ")
