"""Lifecycle of the embedded Postgres: at any path, in any locale, for nobody else, and back after a crash."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from app import lazy_imports
from app.embedded_postgres.files import read_state
from app.embedded_postgres.lifecycle import run_embedded_postgres
from app.embedded_postgres.postgres_process import EmbeddedPostgres
from app.settings import InvalidSettings
from app.store.errors import DatabaseUnavailable
from app.store.url import parse_url
from tests.databases import open_database
from tests.processes import installed

ODD = "a b'$x%20"
# One path, since each costs an initdb: what takes a character of it for one of its own fails on the whole.
NAMES = Path(f'-D {ODD}`id`;"&|', "#?@:&= Ünïcode back\\slash 100%20", "long" * 40)
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield an empty directory."""
    with tempfile.TemporaryDirectory(prefix="em") as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def used_data() -> Iterator[Path]:
    """Yield the data of a Postgres that has run and ended."""
    with tempfile.TemporaryDirectory(prefix="em") as directory:
        with run_embedded_postgres(Path(directory)):
            pass
        yield Path(directory) / "postgres"


@pytest.fixture
def used_home(home: Path, used_data: Path) -> Path:
    """Return a directory where Postgres has run before: a copy takes a quarter of the time of an initdb."""
    subprocess.run((installed("cp"), "-a", used_data, home), check=True)
    return home


def move_down(used_home: Path, name: str) -> Path:
    """Move the data into a new directory there, and return that."""
    directory = used_home / name
    directory.mkdir(mode=0o700)
    (used_home / "postgres").rename(directory / "postgres")
    return directory


def ask(url: str, statement: str = "SELECT 1") -> object:
    """Return the first value that *statement* gives."""

    async def fetch() -> object:
        async with open_database(parse_url(url)) as database:
            return (await database.fetch(text(statement)))[0][0]

    return asyncio.run(fetch())


def until_it_serves(url: str) -> None:
    """Wait until it has been started again."""
    deadline = time.monotonic() + 20
    while True:
        with suppress(DatabaseUnavailable):
            ask(url)
            return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def socket_dir_of(url: str) -> Path:
    """Return the directory that *url* leads to."""
    return Path(str(make_url(url).query["host"]))


def link_or_copy(source: str, target: str) -> None:
    """Put a file at another path, at no cost where that is on the same disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def run_as_nobody(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a Python *script* as another user, without rights."""
    drop = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    command = (*drop, sys.executable, "-c", script, *map(str, arguments))
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_it_serves_at_any_path(home: Path) -> None:
    """No shell, no URL and no setting takes a character of it for one of its own."""
    with run_embedded_postgres(home / NAMES) as url:
        assert ask(url) == 1

    assert not socket_dir_of(url).exists()


@pytest.mark.parametrize("name", [ODD, '`id`\\"'])
def test_it_serves_wherever_the_wheel_is_installed(home: Path, name: str) -> None:
    """An operator's folder has any name, and the virtual environment is in it."""
    programs = lazy_imports.pgserver()
    package = programs.parents[1]
    there = home / name / package.name
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(programs.parent, there / programs.parent.name, copy_function=link_or_copy)
    shutil.copytree(libraries, home / name / libraries.name, copy_function=link_or_copy)
    server = EmbeddedPostgres(home, there / programs.parent.name / programs.name)

    server.ensure_running()
    try:
        assert ask(server.url) == 1
    finally:
        server.stop()


def test_it_serves_in_any_locale(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in one that this machine does not have, where its data are made."""
    for name, value in (("LC_ALL", "xx_YY.KOI8-R"), ("LC_ALL", "C"), ("LANG", "en_US.UTF-8")):
        monkeypatch.delenv("LC_ALL", raising=False)
        monkeypatch.setenv(name, value)
        with run_embedded_postgres(home) as url:
            assert ask(url, "SELECT 'ü'") == "ü"


def test_it_takes_nothing_else_from_the_environment(used_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings of another Postgres, nor a secret."""
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("WHISPER_VAPID_PRIVATE_KEY", "secret")

    with run_embedded_postgres(used_home) as url:
        state = read_state(used_home / "postgres")
        assert state
        environment = Path(f"/proc/{state.pid}/environ").read_bytes()
        assert ask(url) == 1

    assert b"secret" not in environment


def test_its_socket_is_in_a_directory_of_its_own(used_home: Path) -> None:
    """Which nobody else can enter, and which is short wherever the data is."""
    home = move_down(used_home, "long" * 40)
    with run_embedded_postgres(home) as url:
        directory = socket_dir_of(url)
        modes = [path.stat().st_mode & 0o777 for path in (directory, home / "postgres")]

    assert modes == [0o700, 0o700]
    assert len(str(directory)) < 40


CONNECT = """
import asyncio, asyncpg, sys
async def connect():
    connection = await asyncpg.connect(host=sys.argv[1], user="postgres", database="postgres")
    print(await connection.fetchval("SELECT 'let in'"))
asyncio.run(connect())
"""


@root_only
def test_another_user_can_not_connect(used_home: Path) -> None:
    """The directory keeps them out; if it did not, Postgres would."""
    (used_home / "postgres" / "pg_hba.conf").write_text("local all all trust\n")  # as an earlier version did
    with run_embedded_postgres(used_home) as url:
        directory = socket_dir_of(url)
        kept_out = run_as_nobody(CONNECT, directory)
        directory.chmod(0o777)
        refused = run_as_nobody(CONNECT, directory)
        assert ask(url) == 1

    assert "PermissionError" in kept_out.stderr
    assert "Peer authentication failed" in refused.stderr
    assert kept_out.stdout + refused.stdout == ""


@root_only
def test_it_serves_an_ordinary_user(home: Path) -> None:
    """Who is let in under their own name."""
    home.chmod(0o777)
    script = (
        "import sys; from pathlib import Path; from sqlalchemy import make_url\n"
        "from app.embedded_postgres.lifecycle import run_embedded_postgres\n"
        "with run_embedded_postgres(Path(sys.argv[1])) as url:\n"
        + CONNECT.replace("sys.argv[1]", "make_url(url).query['host']").replace("\n", "\n    ")
    )

    run = run_as_nobody(script, home / ODD)

    assert run.stdout.strip() == "let in", run.stderr


@root_only
def test_it_serves_root_in_a_directory_of_roots(used_home: Path) -> None:
    """The user without rights is let through to its data, and may read nothing on its way."""
    used_home.chmod(0o700)

    with run_embedded_postgres(move_down(used_home, "data")) as url:
        assert ask(url) == 1

    assert used_home.stat().st_mode & 0o777 == 0o701


def test_one_that_is_killed_is_started_again(used_home: Path) -> None:
    """At the same place, with all that was committed."""
    with run_embedded_postgres(used_home) as url:
        ask(url, "SELECT lo_create(42)")
        state = read_state(used_home / "postgres")
        assert state
        os.kill(state.pid, signal.SIGKILL)
        until_it_serves(url)
        assert ask(url, "SELECT count(*) FROM pg_largeobject_metadata") == 1
        again = read_state(used_home / "postgres")

    assert again
    assert (again.pid != state.pid, again.socket_dir) == (True, state.socket_dir)


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """Yield a disk with room for little more than an empty database."""
    mount = (installed("mount"), "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(home))
    mounted = subprocess.run(mount, check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield home
    subprocess.run((installed("umount"), "--lazy", str(home)), check=True)


@root_only
def test_a_full_disk_is_said_once_and_got_over(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Postgres gives up, and serves again as soon as there is room; the log does not fill what is left."""
    filler, data = small_disk / "postgres.filler", small_disk / "data"
    with run_embedded_postgres(data) as url:
        ask(url)  # the first session writes a file
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(65536))
        with suppress(DatabaseUnavailable):
            while True:  # until a new segment of the write-ahead log is needed
                ask(url, "SELECT pg_logical_emit_message(true, 'x', repeat('x', 4000000))::text")
        time.sleep(2)  # four attempts to start it
        filler.unlink()
        until_it_serves(url)

    told = [record.getMessage() for record in caplog.records if "embedded_postgres" in record.name]
    warned = [text for text in told if "ended" in text or "not start" in text]
    assert len(warned) == 2, warned
    assert "No space left on device" in warned[1]


def test_one_that_was_left_behind_by_a_power_cut_is_started(used_home: Path) -> None:
    """Its state says that it runs, at a socket that nobody listens at."""
    with run_embedded_postgres(used_home):
        state = (used_home / "postgres" / "postmaster.pid").read_bytes()
    (used_home / "postgres" / "postmaster.pid").write_bytes(
        state.replace(state.split(b"\n")[0], b"4194304", 1)
    )

    with run_embedded_postgres(used_home) as url:
        assert ask(url) == 1


def test_two_that_use_it_share_it(used_home: Path) -> None:
    """It stops with the last."""
    with run_embedded_postgres(used_home) as url:
        with run_embedded_postgres(used_home) as other:
            assert other == url
        assert ask(url) == 1

    assert read_state(used_home / "postgres") is None


def test_data_that_were_made_in_part_are_made_anew(home: Path) -> None:
    """Whoever was interrupted at their first start has nothing to mend."""
    (home / "postgres.new").mkdir()
    (home / "postgres.new" / "PG_VERSION").write_text("18\n")

    with run_embedded_postgres(home) as url:
        assert ask(url) == 1


@pytest.mark.parametrize("spoilt", ["PG_VERSION", "postgresql.conf", "global/pg_control"])
def test_any_failure_is_one_line(used_home: Path, spoilt: str) -> None:
    """It says what Postgres says."""
    (used_home / "postgres" / spoilt).write_text("nonsense\n")

    with (
        pytest.raises(InvalidSettings, match=r"\AThe embedded Postgres does not start: .+\.\Z") as told,
        run_embedded_postgres(used_home),
    ):
        pass

    assert "\n" not in str(told.value)


def test_one_that_does_not_start_leaves_no_socket_directory(used_home: Path) -> None:
    """Or each attempt would leave one, in a folder that others use, too."""
    (used_home / "postgres" / "PG_VERSION").write_text("nonsense\n")
    server = EmbeddedPostgres(used_home, lazy_imports.pgserver())
    with pytest.raises(InvalidSettings):
        server.ensure_running()
    directory = socket_dir_of(server.url)
    assert directory.exists()

    server.stop()

    assert not directory.exists()


@root_only
def test_a_folder_that_is_closed_meanwhile_is_opened_again(home: Path) -> None:
    """Other programs of root, like a test runner, set the modes of their folders at any time."""
    outer = home / "outer"
    outer.mkdir()
    ended = threading.Event()

    def close_once() -> None:
        while not ended.wait(0.001):
            if outer.stat().st_mode & 0o001:
                outer.chmod(0o700)
                break

    closing = threading.Thread(target=close_once)
    closing.start()
    try:
        with run_embedded_postgres(outer / "data") as url:
            assert ask(url) == 1
    finally:
        ended.set()
        closing.join()
