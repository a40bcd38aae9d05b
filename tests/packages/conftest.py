"""Packages of `dist/`, installed where nothing else is (`make packages`); left out where none are built."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.drivers.firefox import Firefox, firefox
from tests.deployment import PushServiceProcess
from tests.processes import ROOT, installed, missing

BIN = ROOT / ".venv/bin"
NODE = ROOT / "tests/packages/node"  # tools that app developers use
DIST = ROOT / "dist"

collect_ignore_glob = (
    ["test_*.py"]
    if missing("firefox-esr") or not (NODE / "node_modules").is_dir() or not DIST.is_dir()
    else []
)


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program to its end, and return what it printed."""
    env = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(pattern: str) -> Path:
    """Return the one built file of this *pattern*."""
    [found] = DIST.glob(pattern)
    return found


@pytest.fixture(scope="session")
def browsers(push_process: PushServiceProcess) -> Iterator[tuple[Firefox, Firefox]]:
    """Run two browsers."""
    service = push_process.websocket_url
    with (
        firefox(installed("firefox-esr"), service) as one,
        firefox(installed("firefox-esr"), service) as other,
    ):
        yield one, other


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of a new virtual environment with the server and the embedded Postgres."""
    folder = tmp_path_factory.mktemp("environment")
    run(BIN / "uv", "venv", "--quiet", folder / "venv", "--python", BIN / "python", cwd=folder)
    target = ("--python", folder / "venv/bin/python", "--constraint", ROOT / "constraints.txt")
    run(
        BIN / "uv",
        "pip",
        "install",
        "--quiet",
        *target,
        f"{built('whisper_server-*.whl')}[embedded]",
        cwd=folder,
    )
    return folder / "venv/bin"


@pytest.fixture(scope="session")
def installed_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the client's tarball into an empty project, and return the project's folder."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    run(BIN / "npm", "install", "--no-audit", "--no-fund", "--offline", built("*.tgz"), cwd=folder)
    for tool in (NODE / "node_modules").iterdir():
        if tool.name.startswith(("react", "vite", "workbox")):
            (folder / "node_modules" / tool.name).symlink_to(tool)
    return folder
