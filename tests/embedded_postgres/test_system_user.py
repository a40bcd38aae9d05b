"""System user of Postgres: no link of theirs leads this server to what is root's."""

import os
from pathlib import Path

import pytest

from app.embedded_postgres.system_user import SystemUser

OURS = SystemUser(os.geteuid(), os.getegid(), "us")


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
def test_a_link_is_not_written_through(tmp_path: Path, link: object) -> None:
    """Its data directory belongs to a user without rights, who may have put one there."""
    secret = tmp_path / "secret"
    secret.write_text("root's", encoding="utf-8")
    assert callable(link)
    link(secret, tmp_path / "pg_ident.conf")

    with pytest.raises(OSError, match="links"):
        OURS.create(tmp_path / "pg_ident.conf")

    assert secret.read_text(encoding="utf-8") == "root's"


def test_a_file_is_written_anew(tmp_path: Path) -> None:
    """Nothing of it stays, and nobody else reads it."""
    file = tmp_path / "pg_hba.conf"
    file.write_text("a longer text than the new one", encoding="utf-8")
    with OURS.create(file) as opened:
        opened.write(b"new")

    assert file.read_bytes() == b"new"


def test_a_new_file_is_its_users_alone(tmp_path: Path) -> None:
    """Whatever the umask is."""
    OURS.create(tmp_path / "log").close()

    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
