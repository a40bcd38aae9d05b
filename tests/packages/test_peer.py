"""Wheel of the Python peer, in an environment of its own, with nothing of the server."""

from pathlib import Path

import pytest

from tests.packages.conftest import BIN, built, run
from tests.processes import ROOT


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of a new virtual environment with the peer."""
    folder = tmp_path_factory.mktemp("environment")
    run(BIN / "uv", "venv", "--quiet", folder / "venv", "--python", BIN / "python", cwd=folder)
    target = ("--python", folder / "venv/bin/python", "--constraint", ROOT / "constraints.txt")
    run(BIN / "uv", "pip", "install", "--quiet", *target, built("whisper_peer-*.whl"), cwd=folder)
    return folder / "venv/bin"


def test_its_command_runs(alone: Path, tmp_path: Path) -> None:
    """Everything that it imports came with it."""
    assert "ring" in run(alone / "whisper-peer", "--help", cwd=tmp_path)


def test_its_types_are_found(alone: Path, tmp_path: Path) -> None:
    """A program that uses it is checked without a hint."""
    lines = ["from whisper_peer import Peer", "", "async def call(address: str) -> None:"]
    lines += ['    async with Peer("http://localhost:8000") as peer:']
    lines += ["        channel = await peer.dial(address)", '        await channel.send({"any": "JSON"})']
    (tmp_path / "program.py").write_text("\n".join(lines) + "\n", encoding="utf-8")

    run(BIN / "mypy", "--strict", "--python-executable", alone / "python", "program.py", cwd=tmp_path)
