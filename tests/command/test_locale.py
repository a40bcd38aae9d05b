"""Locales: no file of ours is read or written in the machine's encoding."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.processes import ROOT, program

# In the second one Python does not mend the locale by itself: whatever names no encoding is read as ASCII.
LOCALES = [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
MINE = {"WHISPER_VAPID_SUBJECT": "mailto:operator@whisper.example", "WHISPER_PORT": "0"}

pytestmark = pytest.mark.parametrize("locale", LOCALES, ids=["C", "ASCII"])


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a directory that is named as operators name theirs, with a file of settings in their language."""
    with tempfile.TemporaryDirectory(prefix="wh") as directory:
        folder = Path(directory) / "a b'$x%20"
        folder.mkdir()
        (folder / ".env").write_text("# Über uns\nWHISPER_PUSH_ENDPOINTS=browsers\n", "utf-8")
        yield folder


# One process for all: half a second of each would be its imports.
COMMANDS = """
import os, sys
from alembic.config import main as alembic
from app.__main__ import main
for command in (["migrate"], ["purge"], ["vapid", "--keep"], ["vapid"]):
    print(command[0], "ended with", main(command))
print("alembic ended with", alembic(["--config", sys.argv[1], "current"]) or 0)
del os.environ["WHISPER_DATABASE_URL"]
main(["serve"])
"""


def test_each_command_works(home: Path, migrated: URL, locale: dict[str, str]) -> None:
    """It ends well and says so, also Alembic's for developers; a server makes its database and its schema."""
    url = {"WHISPER_DATABASE_URL": migrated.render_as_string(hide_password=False)}
    command = (sys.executable, "-c", COMMANDS, str(ROOT / "alembic.ini"))

    with program(*command, cwd=home, env=MINE | url | locale) as commands:
        commands.wait_for("Open http")

    ends = [line for line in commands.lines if "ended with" in line]
    names = ("migrate", "purge", "vapid", "vapid", "alembic")
    assert ends == [f"{name} ended with 0" for name in names], commands.output
    assert "Traceback" not in commands.output
