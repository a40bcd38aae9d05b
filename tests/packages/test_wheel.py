"""Wheel of the server, in an environment of its own: it serves from an empty folder."""

import re
from pathlib import Path

import httpx

from tests.packages.conftest import BIN, built, run
from tests.processes import ROOT, program

# None of the source's modules: `tests.processes` would find them.
BARE = {"PYTHONPATH": "", "WHISPER_PORT": "0"}
PATHS = [
    *("/", "/sw.js", "/app/main.js", "/client/whisper.js", "/client/protocol/sealing.js"),
    *("/js/whisper.js", "/js/worker.js", "/config", "/readyz", "/docs", "/openapi.json"),
]


def test_it_serves_everything(environment: Path, tmp_path: Path) -> None:
    """The app, the client at each of its addresses, the documentation, and a schema that is up to date."""
    with program(str(environment / "whisper"), "serve", env=BARE, cwd=tmp_path) as server:
        url = server.wait_for("Open http").partition("Open ")[2].partition(" ")[0]
        found = {path: httpx.get(url + path).status_code for path in PATHS}

    assert found == dict.fromkeys(PATHS, 200)
    assert [each.name for each in tmp_path.iterdir()] == [".whisper"]


def test_it_migrates(environment: Path, tmp_path: Path) -> None:
    """The migrations are in it: an operator's database gets them by the command."""
    code = "from app.store.schema import MIGRATIONS, REVISIONS; print(MIGRATIONS, len(REVISIONS))"

    folder, number = run(environment / "python", "-c", code, cwd=tmp_path).split()

    assert Path(folder).is_relative_to(environment.parent)
    assert int(number) == len(list((ROOT / "migrations/versions").glob("*.py")))


def test_what_it_advises_can_be_done(environment: Path, tmp_path: Path) -> None:
    """There is no Makefile where it is installed."""
    python = str(environment / "python")
    code = "from app import lazy_imports\ntry: lazy_imports.redis()\nexcept ImportError as e: print(e)"
    printed = run(python, "-c", code, cwd=tmp_path)

    advised = re.search(r"install the wheel with (\[\w+\])", printed)
    assert advised
    wheel = f"{built('whisper_server-*.whl')}{advised[1]}"
    run(BIN / "uv", "pip", "install", "--quiet", "--dry-run", "--python", python, wheel, cwd=tmp_path)


def test_it_runs_without_an_installation(tmp_path: Path) -> None:
    """By `uvx --from`."""
    options = ("--python", BIN / "python", "--constraints", ROOT / "constraints.txt")
    command = (
        BIN / "uv",
        "tool",
        "run",
        "--quiet",
        *options,
        "--from",
        f"{built('whisper_server-*.whl')}[embedded]",
        "whisper",
        "vapid",
    )

    assert "WHISPER_VAPID_PRIVATE_KEY=" in run(*command, cwd=tmp_path)
