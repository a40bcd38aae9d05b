"""The `whisper` command, as an operator types it."""

import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from dotenv import dotenv_values
from sqlalchemy.engine import URL

from app.push.vapid import VapidKey
from app.settings import Settings
from tests.processes import WHISPER, program, whisper

KEY = VapidKey.generate().private_text
SUBJECT = "mailto:operator@whisper.example"


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield an empty directory with a short path, as a socket needs."""
    with tempfile.TemporaryDirectory(prefix="wh") as directory:
        yield Path(directory)


@pytest.fixture
def deployed(migrated: URL) -> dict[str, str]:
    """Return the environment of a server with a database and a key of its own."""
    return {
        "WHISPER_DATABASE_URL": migrated.render_as_string(hide_password=False),
        "WHISPER_VAPID_PRIVATE_KEY": KEY,
        "WHISPER_VAPID_SUBJECT": SUBJECT,
        "WHISPER_PORT": "0",
    }


def url_of(line: str) -> str:
    """Return the URL in uvicorn's line."""
    return line.partition("running on ")[2].partition(" ")[0]


def test_vapid_prints_what_env_takes(home: Path) -> None:
    """The printed lines are a .env file with a key that works."""
    status, printed = whisper("vapid", cwd=home)
    (home / ".env").write_text(printed)

    assert status == 0
    values = dotenv_values(home / ".env")
    key = VapidKey.parse(str(values["WHISPER_VAPID_PRIVATE_KEY"]))
    assert key.public_text in printed
    assert Settings(_env_file=home / ".env").vapid_subject == values["WHISPER_VAPID_SUBJECT"]


def test_a_kept_key_is_used(home: Path, deployed: dict[str, str]) -> None:
    """`vapid --keep` makes a key once, and a server without one in its settings finds it."""
    del deployed["WHISPER_VAPID_PRIVATE_KEY"]
    refused, _ = whisper("serve", cwd=home, env=deployed)
    first = whisper("vapid", "--keep", cwd=home, env=deployed)
    again = whisper("vapid", "--keep", cwd=home, env=deployed)

    assert refused == 1
    assert first[1].splitlines()[-1] == again[1]
    assert "ok    VAPID key" in whisper("doctor", cwd=home, env=deployed)[1]
    with program(WHISPER, "serve", cwd=home, env=deployed) as server:
        url = url_of(server.wait_for("running on"))
        assert again[1].endswith(httpx.get(f"{url}/config").json()["vapid_public_key"])


def test_a_key_that_is_set_needs_no_other(home: Path, deployed: dict[str, str]) -> None:
    """`vapid --keep` makes none beside it."""
    status, printed = whisper("vapid", "--keep", cwd=home, env=deployed)

    assert status == 0
    assert "WHISPER_VAPID_PRIVATE_KEY is set" in printed
    assert not (home / ".whisper").exists()


def test_a_data_directory_that_can_not_be_is_one_line(home: Path) -> None:
    """It names the setting."""
    (home / "file").touch()

    status, printed = whisper("serve", cwd=home, env={"WHISPER_DATA_DIR": "file/inside"})

    assert status == 1
    (line,) = printed.splitlines()
    assert "WHISPER_DATA_DIR" in line


@pytest.mark.parametrize("content", ["", "junk\n"], ids=["empty", "junk"])
def test_a_key_file_without_a_key_is_one_line(home: Path, deployed: dict[str, str], content: str) -> None:
    """It names the file."""
    del deployed["WHISPER_VAPID_PRIVATE_KEY"]
    file = home / ".whisper" / "vapid_private_key"
    file.parent.mkdir()
    file.write_text(content)

    for command in (["vapid", "--keep"], ["serve"]):
        status, printed = whisper(*command, cwd=home, env=deployed)
        assert status == 1
        (line,) = printed.splitlines()
        assert "vapid_private_key holds no VAPID key" in line


def test_closing_the_terminal_ends_it_well(home: Path) -> None:
    """A hang-up is like SIGTERM: the embedded Postgres is stopped too."""
    with program(WHISPER, "serve", "--port", "0", cwd=home) as server:
        server.wait_for("running on")
        server.process.send_signal(signal.SIGHUP)

        assert server.ended() == 0
    assert not _postgres_in(home)


def test_workers_end_with_their_parent(home: Path, deployed: dict[str, str]) -> None:
    """Also when it is killed: nobody holds the port that another server needs."""
    with program(WHISPER, "serve", "--workers", "2", cwd=home, env=deployed) as server:
        server.wait_for("startup complete")
        server.wait_for("startup complete")
        workers = psutil.Process(server.process.pid).children(recursive=True)
        server.kill()

    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


def test_serve_needs_nothing(home: Path) -> None:
    """With no setting at all a server starts, on a Postgres and a key of its own, and leaves none behind."""
    with program(WHISPER, "serve", "--port", "0", cwd=home) as server:
        url = url_of(server.wait_for("running on"))
        assert httpx.get(f"{url}/readyz").status_code == 200
        first = httpx.get(f"{url}/config").json()["vapid_public_key"]
        status = server.stop()

    key_file = home / ".whisper" / "vapid_private_key"
    assert status == 0
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert str(key_file.relative_to(home)) in server.output
    assert key_file.read_text().strip() not in server.output
    assert not _postgres_in(home)
    with program(WHISPER, "serve", "--port", "0", cwd=home) as again:
        url = url_of(again.wait_for("running on"))
        assert httpx.get(f"{url}/config").json()["vapid_public_key"] == first


def _postgres_in(home: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(home) in " ".join(process.info["cmdline"] or ())
    ]


def test_two_workers_serve_one_port(home: Path, deployed: dict[str, str]) -> None:
    """Workers are given what was prepared, and end with their parent."""
    with program(WHISPER, "serve", "--workers", "2", cwd=home, env=deployed) as server:
        url = url_of(server.wait_for("running on"))
        server.wait_for("startup complete")
        server.wait_for("startup complete")
        workers = psutil.Process(server.process.pid).children(recursive=True)

        assert httpx.get(f"{url}/readyz").status_code == 200
        assert server.stop() == 0
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"WHISPER_VAPID_PRIVATE_KEY": "tooshort"}, "WHISPER_VAPID_PRIVATE_KEY"),
        ({"WHISPER_VAPID_SUBJECT": "me"}, "WHISPER_VAPID_SUBJECT"),
        ({"WHISPER_VAPID_SUBJECT": ""}, "WHISPER_VAPID_SUBJECT"),
        ({"WHISPER_DATABASE_URL": "mysql://user:hunter2@db/x"}, "WHISPER_DATABASE_URL"),
        ({"WHISPER_PORT": "eighty"}, "WHISPER_PORT"),
        ({"WHISPER_PUSH_ENDPOINTS": "everywhere"}, "WHISPER_PUSH_ENDPOINTS"),
        ({"WHISPER_ICE_SERVERS": "turn:turn.example.org"}, "WHISPER_TURN_SECRET"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_can_not_work_does_not_start(
    home: Path, deployed: dict[str, str], variables: dict[str, str], says: str
) -> None:
    """One clear line names the setting, without its value, and there is no server."""
    status, printed = whisper("serve", cwd=home, env=deployed | variables)

    assert status == 1
    (line,) = printed.splitlines()
    assert says in line
    assert not any(value in line for value in variables.values() if len(value) > 2)


def test_an_outdated_schema_does_not_start(home: Path, deployed: dict[str, str], empty: URL) -> None:
    """The line says which command mends it, and that command does."""
    env = deployed | {"WHISPER_DATABASE_URL": empty.render_as_string(hide_password=False)}

    refused = whisper("serve", cwd=home, env=env)
    migrated = whisper("migrate", cwd=home, env=env)

    assert refused[0] == 1
    assert "whisper migrate" in refused[1]
    assert migrated[0] == 0
    with program(WHISPER, "serve", cwd=home, env=env) as server:
        server.wait_for("running on")


def test_migrate_needs_a_database(home: Path) -> None:
    """The embedded one is migrated by itself."""
    status, printed = whisper("migrate", cwd=home)

    assert status == 1
    assert "WHISPER_DATABASE_URL" in printed


def test_a_database_that_is_away_is_one_line(home: Path, deployed: dict[str, str]) -> None:
    """No traceback, no password, and why."""
    away = {"WHISPER_DATABASE_URL": "postgresql://user:hunter2@127.0.0.1:1/calls"}

    status, printed = whisper("migrate", cwd=home, env=deployed | away)

    assert status == 1
    assert printed.splitlines()[-1].startswith("whisper: The server's database is unavailable")
    assert "Connect call failed" in printed
    assert "Traceback" not in printed
    assert "hunter2" not in printed


def test_a_server_starts_before_its_database(home: Path, deployed: dict[str, str]) -> None:
    """It says that it waits, and is not ready."""
    away = {"WHISPER_DATABASE_URL": "postgresql://user:hunter2@127.0.0.1:1/calls"}
    with program(WHISPER, "serve", cwd=home, env=deployed | away) as server:
        url = url_of(server.wait_for("running on"))

        assert httpx.get(f"{url}/livez").status_code == 200
        assert httpx.get(f"{url}/readyz").status_code == 503
        assert "hunter2" not in server.output


def test_a_port_that_is_taken_is_said(home: Path, deployed: dict[str, str]) -> None:
    """A second server on the same port ends with an error that names it."""
    with program(WHISPER, "serve", cwd=home, env=deployed) as first:
        port = url_of(first.wait_for("running on")).rpartition(":")[2]

        status, printed = whisper("serve", "--port", port, cwd=home, env=deployed)

    assert status != 0
    assert port in printed


def test_doctor_says_what_to_mend(home: Path, deployed: dict[str, str]) -> None:
    """What is well is said to be, what is not comes with its remedy, and the status tells."""
    ill = deployed | {
        "WHISPER_VAPID_SUBJECT": "mailto:me@example.org",
        "WHISPER_PUSH_ENDPOINTS": "http://127.0.0.1:1",
        "WHISPER_VAPID_SUBJCET": "mailto:typo@whisper.example",
        "WHISPER_ICE_SERVERS": "turn:turn.whisper.example",
        "WHISPER_TURN_SECRET": "everyone-knows-this-secret",
    }
    (home / ".env").write_text("WHISPER_PORTT=3\n")

    status, printed = whisper("doctor", cwd=home, env=ill)

    assert status == 1
    assert "ok    database and schema" in printed
    assert "ok    VAPID key" in printed
    assert "FAIL  variable WHISPER_VAPID_SUBJCET" in printed
    assert "FAIL  variable WHISPER_PORTT" in printed
    assert "FAIL  VAPID subject" in printed
    assert "FAIL  TURN secret" in printed
    assert "FAIL  push service http://127.0.0.1:1" in printed


def test_doctor_looks_at_a_machine_without_settings(home: Path) -> None:
    """The embedded Postgres works, the key is yet to be made, and push services need an address."""
    status, printed = whisper("doctor", cwd=home, env={"WHISPER_PUSH_ENDPOINTS": "http://127.0.0.1:1"})

    assert status == 1
    assert "ok    embedded Postgres" in printed
    assert "ok    VAPID key" in printed
    assert "FAIL  VAPID subject" in printed


@pytest.mark.parametrize("kept", [None, "junk"], ids=["no key", "a kept file without one"])
def test_doctor_names_each_remedy(home: Path, deployed: dict[str, str], empty: URL, kept: str | None) -> None:
    """An outdated schema, and a key that is missing or none."""
    del deployed["WHISPER_VAPID_PRIVATE_KEY"]
    if kept:
        (home / ".whisper").mkdir()
        (home / ".whisper" / "vapid_private_key").write_text(kept)
    outdated = {
        "WHISPER_DATABASE_URL": empty.render_as_string(hide_password=False),
        "WHISPER_PUSH_ENDPOINTS": "http://127.0.0.1:1",
    }

    _, printed = whisper("doctor", cwd=home, env=deployed | outdated)

    assert "FAIL  database and schema: The database's schema is empty" in printed
    assert ("holds no VAPID key" if kept else "`whisper vapid --keep` makes one") in printed


def test_doctor_is_content_with_what_is_well(home: Path, deployed: dict[str, str]) -> None:
    """All is well, and the status is 0."""
    with program(sys.executable, "-m", "tests.push_service", "--port", "0") as push_service:
        origin = push_service.wait_for("push service at").split()[3]

        status, printed = whisper("doctor", cwd=home, env=deployed | {"WHISPER_PUSH_ENDPOINTS": origin})

    assert (status, printed.splitlines()[-1]) == (0, "All is well.")
