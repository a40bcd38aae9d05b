"""Build of the wheel, with the folders that the source has beside `app/`. The rest is in pyproject.toml."""

from pathlib import Path
from shutil import copytree, ignore_patterns

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDERS = ("client", "migrations", "web")


class BuildWithFolders(build_py):
    """Build step that adds the folders; an editable install finds them in the source."""

    def run(self) -> None:
        """Copy the package, then the folders into it."""
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib) / "app"
        for name in FOLDERS:
            # web/client is a link to client/, which the server serves beside it.
            without = ignore_patterns(
                "__pycache__", "node_modules", "dist", *(["client"] if name == "web" else [])
            )
            copytree(name, package / name, ignore=without, dirs_exist_ok=True)
        self.copy_file("alembic.ini", str(package / "alembic.ini"))


setup(cmdclass={"build_py": BuildWithFolders})
