"""Locales: no file of ours is read or written in the machine's encoding."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.processes import ROOT, WHISPER, program, whisper

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


@pytest.mark.parametrize("command", [("migrate",), ("purge",), ("vapid", "--keep"), ("vapid",)], ids=" ".join)
def test_a_command_works(home: Path, migrated: URL, locale: dict[str, str], command: tuple[str, ...]) -> None:
    """It ends well and says so."""
    url = {"WHISPER_DATABASE_URL": migrated.render_as_string(hide_password=False)}

    status, printed = whisper(*command, cwd=home, env=MINE | url | locale)

    assert (status, "Traceback" in printed) == (0, False), printed


def test_a_server_that_is_given_nothing_serves(home: Path, locale: dict[str, str]) -> None:
    """It makes its key, its database and its schema."""
    with program(WHISPER, "serve", cwd=home, env=MINE | locale) as server:
        server.wait_for("Open http")

    assert "Traceback" not in server.output


def test_alembic_reads_its_settings(migrated: URL, locale: dict[str, str]) -> None:
    """For developers."""
    url = {"WHISPER_DATABASE_URL": migrated.render_as_string(hide_password=False)}

    with program(sys.executable, "-m", "alembic", "current", cwd=ROOT, env=url | locale) as alembic:
        assert alembic.ended() == 0, alembic.output
