"""The built packages, installed where nothing else is. Left out without the tools of `make check`."""

import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT, missing, where

UV = where("uv") or str(ROOT / ".venv/bin/uv")

collect_ignore_glob = ["test_*.py"] if missing(UV) else []


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program to its end, and return what it printed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the server's source archive, and its wheel from that."""
    folder = tmp_path_factory.mktemp("dist")
    run(ROOT / ".venv/bin/python", "-m", "build", "--no-isolation", "--outdir", folder, cwd=ROOT)
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of a new virtual environment with the server and the embedded Postgres."""
    folder = tmp_path_factory.mktemp("environment")
    run(UV, "venv", "--quiet", folder / "venv", "--python", ROOT / ".venv/bin/python", cwd=folder)
    target = ("--python", folder / "venv/bin/python", "--constraint", ROOT / "constraints.txt")
    run(UV, "pip", "install", "--quiet", *target, f"{wheel}[embedded]", cwd=folder)
    return folder / "venv/bin"
