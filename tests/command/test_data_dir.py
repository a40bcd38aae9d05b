"""Data directory: nobody else enters it, or opens a lock in it."""

import os
from pathlib import Path

import pytest

from app.data_dir import ensure_directory, open_lock


def mode_of(path: Path) -> int:
    """Return the permissions of *path*."""
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("exists", [False, True], ids=["new", "of an earlier version"])
def test_it_is_its_owners_alone(tmp_path: Path, *, exists: bool) -> None:
    """Whatever the umask is, and however it was made."""
    directory = tmp_path / "new" / ".whisper"
    if exists:
        directory.mkdir(parents=True, mode=0o755)
        (directory / "postgres.lock").touch(0o644)

    ensure_directory(directory)
    with open_lock(directory / "postgres.lock") as lock:
        assert lock.writable()

    assert (mode_of(directory), mode_of(directory / "postgres.lock")) == (0o700, 0o600)


def test_a_directory_with_anything_else_in_it_stays_as_it_is(tmp_path: Path) -> None:
    """An operator may name one that others use, too."""
    (tmp_path / "photographs").touch()
    tmp_path.chmod(0o755)

    ensure_directory(tmp_path)

    assert mode_of(tmp_path) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an embedded Postgres of another user")
def test_the_embedded_postgres_still_passes_through(tmp_path: Path) -> None:
    """Its user, in whose group root has put the directory, sees no names in it."""
    os.chown(tmp_path, -1, 12345)
    tmp_path.chmod(0o755)

    ensure_directory(tmp_path)

    assert mode_of(tmp_path) == 0o710
