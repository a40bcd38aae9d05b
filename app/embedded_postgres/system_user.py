"""System user of the embedded Postgres, which refuses to run as root."""

import errno
import logging
import os
import pwd
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

log = logging.getLogger(__name__)

NAME = "pgserver"

# All that Postgres is given of the environment. Its locale is C: any other may be missing on this machine.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "PATH", "TZ")


@dataclass(frozen=True, slots=True)
class SystemUser:
    """User that Postgres runs as: ours, or one without rights if ours is root."""

    uid: int
    gid: int
    name: str

    @property
    def is_other(self) -> bool:
        """Whether it is not ours."""
        return self.uid != os.geteuid()

    def own(self, path: Path) -> None:
        """Give *path* to this user."""
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def create(self, path: Path) -> BinaryIO:
        """Open a file of this user to write it anew.

        Raise `OSError` for a link: this user may have put one there, to what is root's.
        """
        opened = os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb"
        )
        if os.fstat(opened.fileno()).st_nlink > 1:
            opened.close()
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), str(path))
        opened.truncate()
        if self.is_other:
            os.fchown(opened.fileno(), self.uid, self.gid)
        return opened

    def process_options(self) -> dict[str, Any]:
        """Return the arguments of `subprocess` for a process of this user that outlives our terminal."""
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        options: dict[str, Any] = {
            "env": environment | {"LC_ALL": "C"},
            "cwd": os.sep,
            "stdin": subprocess.DEVNULL,
            "umask": 0o077,
            "start_new_session": True,
        }
        if self.is_other:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": ()}
        return options

    def let_in(self, directory: Path, programs: Path) -> bool:
        """Let this user pass through *directory* and run *programs*, which may lie in what is root's alone.

        Return whether it could not before.
        """
        if not self.is_other:
            return False
        os.chown(directory, -1, self.gid)
        is_changed = _add_mode([directory], stat.S_IXGRP)
        is_changed |= _add_mode({*directory.parents, *programs.parents}, stat.S_IXOTH)
        if not (programs / "postgres").stat().st_mode & stat.S_IXOTH:  # installed with a strict umask
            package = programs.parents[1]
            for root in (package, package.with_name(f"{package.name}.libs")):
                is_changed |= _add_mode([root, *root.rglob("*")], stat.S_IROTH | stat.S_IXOTH)
        return is_changed


def find_system_user() -> SystemUser:
    """Return our own user, or the one that is made for Postgres if we are root."""
    if os.geteuid() != 0:
        return _lookup(pwd.getpwuid(os.geteuid()))
    try:
        return _lookup(pwd.getpwnam(NAME))
    except KeyError:
        command = ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME)
        subprocess.run(command, check=True, capture_output=True)
        return _lookup(pwd.getpwnam(NAME))


def _lookup(entry: pwd.struct_passwd) -> SystemUser:
    return SystemUser(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _add_mode(paths: Iterable[Path], bits: int) -> bool:
    """Add *bits* to the modes of *paths* that lack some; return whether any did."""
    is_changed = False
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & bits != bits:
            log.info("the user %s is let into %s", NAME, path)
            path.chmod(mode | bits)
            is_changed = True
    return is_changed
