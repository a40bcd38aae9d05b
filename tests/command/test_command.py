"""The `whisper` command, as an operator types it."""

import asyncio
import json
import signal
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dotenv import dotenv_values
from sqlalchemy import make_url, text
from sqlalchemy.engine import URL

from app.push.vapid import VapidKey, parse_keys
from app.settings import Settings
from app.store.purge import LEASE
from app.telemetry.buffered_metrics import PUBLISH_EVERY_S
from tests.databases import open_database
from tests.http_client import http
from tests.metrics import SOCKET, scrape
from tests.processes import WHISPER, program, whisper

KEY = VapidKey.generate().private_text
SUBJECT = "mailto:operator@whisper.dev"


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
        **SOCKET,
    }


def url_of(line: str) -> str:
    """Return the URL in uvicorn's line."""
    return line.partition("Open ")[2].partition(" ")[0]


def test_vapid_prints_what_env_takes(home: Path) -> None:
    """The printed lines are a .env file with a key that works."""
    status, printed = whisper("vapid", cwd=home)
    (home / ".env").write_text(printed)

    assert status == 0
    values = dotenv_values(home / ".env")
    key = VapidKey.parse(str(values["WHISPER_VAPID_PRIVATE_KEY"]))
    assert key.public_text in printed
    assert Settings(_env_file=home / ".env").vapid_subject == values["WHISPER_VAPID_SUBJECT"]


@pytest.mark.parametrize(
    "before",
    [
        None,
        "",
        "WHISPER_PORT=8000",
        "WHISPER_PORT=8000\n#WHISPER_VAPID_PRIVATE_KEY=\n#WHISPER_VAPID_SUBJECT=\n",
        "WHISPER_PORT=8000\nWHISPER_VAPID_PRIVATE_KEY=\nWHISPER_VAPID_SUBJECT=mailto:ops@whisper.example\n",
    ],
    ids=["no file", "an empty file", "no newline at its end", "comments", "an empty value"],
)
def test_vapid_writes_a_file_that_is_secret(home: Path, before: str | None) -> None:
    """Mode 0600 from its first byte on; what else is there stays, and the key is printed nowhere."""
    file = home / ".env"
    if before is not None:
        file.write_text(before)
        file.chmod(0o644)

    status, printed = whisper("vapid", "--write", ".env", cwd=home)

    values = dotenv_values(file)
    key = VapidKey.parse(str(values["WHISPER_VAPID_PRIVATE_KEY"]))
    assert (status, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert key.public_text in printed
    assert key.private_text not in printed
    assert values.get("WHISPER_PORT") == ("8000" if "PORT" in (before or "") else None)
    assert str(values["WHISPER_VAPID_SUBJECT"]).startswith(
        "mailto:ops@" if "ops@" in (before or "") else "mailto:you@"
    )
    assert file.read_text().count("WHISPER_VAPID_PRIVATE_KEY=") == 1
    assert list(home.iterdir()) == [file]


def test_vapid_never_writes_over_a_key(home: Path) -> None:
    """Subscriptions belong to it; the line says how to rotate it."""
    file = home / ".env"
    file.write_text(f"WHISPER_VAPID_PRIVATE_KEY={KEY}\n")

    status, printed = whisper("vapid", "--write", ".env", cwd=home)

    assert status == 1
    assert "whisper vapid --rotate" in printed
    assert file.read_text() == f"WHISPER_VAPID_PRIVATE_KEY={KEY}\n"


def test_vapid_writes_through_a_link(home: Path) -> None:
    """The file that it leads to is written; the link stays."""
    (home / "secrets").mkdir()
    (home / ".env").symlink_to("secrets/env")

    status, _ = whisper("vapid", "--write", ".env", cwd=home)

    assert status == 0
    assert (home / ".env").is_symlink()
    assert "WHISPER_VAPID_PRIVATE_KEY=" in (home / "secrets" / "env").read_text()


def test_a_file_that_can_not_be_written_is_one_line(home: Path) -> None:
    """It names the file."""
    status, printed = whisper("vapid", "--write", "nowhere/.env", cwd=home)

    assert status == 1
    (line,) = printed.splitlines()
    assert "nowhere/.env" in line


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
        url = url_of(server.wait_for("Open http"))
        assert again[1].endswith(http.get(f"{url}/config").json()["vapid_public_key"])


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
        server.wait_for("Open http")
        server.process.send_signal(signal.SIGHUP)

        assert server.ended() == 0
    assert not _postgres_in(home)


def test_workers_end_with_their_parent(home: Path, deployed: dict[str, str]) -> None:
    """Also when it is killed: nobody holds the port that another server needs."""
    env = deployed | {"TMPDIR": str(home)}  # it leaves behind what it made there
    with program(WHISPER, "serve", "--workers", "2", cwd=home, env=env) as server:
        server.wait_for("startup complete")
        server.wait_for("startup complete")
        workers = psutil.Process(server.process.pid).children(recursive=True)
        server.kill()

    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


def test_serve_needs_nothing(home: Path) -> None:
    """With no setting at all a server starts, on a Postgres and a key of its own, and leaves none behind."""
    with program(WHISPER, "serve", "--port", "0", cwd=home) as server:
        url = url_of(server.wait_for("Open http"))
        assert http.get(f"{url}/readyz").status_code == 200
        first = http.get(f"{url}/config").json()["vapid_public_key"]
        status = server.stop()

    key_file = home / ".whisper" / "vapid_private_key"
    assert status == 0
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert str(key_file.relative_to(home)) in server.output
    assert key_file.read_text().strip() not in server.output
    assert not _postgres_in(home)
    with program(WHISPER, "serve", "--port", "0", cwd=home) as again:
        url = url_of(again.wait_for("Open http"))
        assert http.get(f"{url}/config").json()["vapid_public_key"] == first


def _postgres_in(home: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(home) in " ".join(process.info["cmdline"] or ())
    ]


def test_two_workers_serve_one_port(home: Path, deployed: dict[str, str]) -> None:
    """Workers are given what was prepared, and end with their parent."""
    with program(WHISPER, "serve", "--workers", "2", cwd=home, env=deployed) as server:
        url = url_of(server.wait_for("Open http"))
        server.wait_for("startup complete")
        server.wait_for("startup complete")
        workers = psutil.Process(server.process.pid).children(recursive=True)

        assert http.get(f"{url}/readyz").status_code == 200
        assert server.stop() == 0
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive


def test_metrics_tell_of_all_workers(home: Path, deployed: dict[str, str]) -> None:
    """Whoever is asked; and what a worker counted outlives it, unlike what it was doing."""
    refused, limit = ("whisper_calls_total", "unknown", "not_json"), ("whisper_in_flight_limit",)
    with program(WHISPER, "serve", "--workers", "2", cwd=home, env=deployed) as server:
        url = url_of(server.wait_for("Open http"))
        for _ in range(2):
            server.wait_for("startup complete")
        for _ in range(40):
            assert http.post(f"{url}/api/v1/call", content=b"junk").status_code == 400
        time.sleep(2 * PUBLISH_EVERY_S)  # by then each worker has told the others
        found = [scrape(home) for _ in range(10)]
        assert {(each[refused], each[limit]) for each in found} == {(40, 2048)}

        psutil.Process(server.process.pid).children()[-1].kill()
        server.wait_for("startup complete")
        found = [scrape(home) for _ in range(10)]
        assert {(each[refused], each[limit]) for each in found} == {(40, 2048)}


def test_counters_of_what_is_refused_begin_with_the_server(home: Path, deployed: dict[str, str]) -> None:
    """A rate needs a beginning, or the first of each kind is not seen."""
    with program(WHISPER, "serve", cwd=home, env=deployed) as server:
        server.wait_for("Open http")
        found = scrape(home)

    codes = ["not_http", "method_not_allowed", "request_timed_out", "head_too_large", "body_too_large"]
    limits = ["dial", "calls", "recipient", "updates", "in_flight", "in_flight_client", "in_flight_sender"]
    assert {found.get(("whisper_refused_connections_total", code)) for code in codes} == {0}
    assert {found.get(("whisper_limit_hits_total", limit)) for limit in limits} == {0}


def test_every_line_of_the_log_can_be_json(home: Path, deployed: dict[str, str]) -> None:
    """Those of the server under the application, too."""
    with program(WHISPER, "serve", cwd=home, env=deployed | {"WHISPER_LOG_FORMAT": "json"}) as server:
        url = url_of(json.loads(server.wait_for("Open http"))["message"])
        answer = http.get(f"{url}/config")
        server.wait_for("request")

    lines = [json.loads(line) for line in server.lines]
    (line,) = [line for line in lines if line["message"] == "request"]
    assert (line["path"], line["status"], line["id"]) == ("/config", 200, answer.headers["x-request-id"])


def test_a_head_has_no_body(home: Path, deployed: dict[str, str]) -> None:
    """The next answer on the connection begins where its head ends."""
    with program(WHISPER, "serve", cwd=home, env=deployed) as server:
        url = url_of(server.wait_for("Open http"))
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as opened:
            opened.sendall(b"HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: opened.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")


def test_what_is_no_http_is_not_logged_each_time(home: Path, deployed: dict[str, str]) -> None:
    """It is counted: nobody fills a disk by connecting."""
    with program(WHISPER, "serve", cwd=home, env=deployed) as server:
        url = url_of(server.wait_for("Open http"))
        server.wait_for("purged")
        before = len(server.lines)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as opened:
                opened.sendall(b"\x16\x03\x01 this is TLS\r\n\r\n")
                assert b"not_http" in opened.recv(4096)

        assert scrape(home)["whisper_refused_connections_total", "not_http"] == 20
        assert len(server.lines) == before


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
        server.wait_for("Open http")


def test_migrate_needs_a_database(home: Path) -> None:
    """The embedded one is migrated by itself."""
    status, printed = whisper("migrate", cwd=home)

    assert status == 1
    assert "WHISPER_DATABASE_URL" in printed


@pytest.mark.parametrize("command", ["migrate", "purge"])
def test_a_database_that_is_away_is_one_line(home: Path, deployed: dict[str, str], command: str) -> None:
    """No traceback, no password, and why."""
    away = {"WHISPER_DATABASE_URL": "postgresql://user:hunter2@127.0.0.1:1/calls"}

    status, printed = whisper(command, cwd=home, env=deployed | away)

    assert status == 1
    assert "WHISPER_DATABASE_URL: [Errno 111] Connect call failed" in printed.splitlines()[-1]
    assert "Traceback" not in printed
    assert "hunter2" not in printed


@pytest.mark.parametrize("command", ["migrate", "purge", "serve"])
def test_a_database_that_lets_nobody_in_is_one_line(
    home: Path, deployed: dict[str, str], command: str
) -> None:
    """No start, since waiting would not help; the line names the variable."""
    url = make_url(deployed["WHISPER_DATABASE_URL"]).set(database="nowhere")
    wrong = {"WHISPER_DATABASE_URL": url.render_as_string(hide_password=False)}

    status, printed = whisper(command, cwd=home, env=deployed | wrong)

    assert status == 1
    assert printed.splitlines()[-1].startswith("whisper: WHISPER_DATABASE_URL: ")
    assert 'database "nowhere" does not exist' in printed
    assert "Traceback" not in printed


def test_purge_says_why_the_database_is_away(home: Path, deployed: dict[str, str]) -> None:
    """In its own line."""
    away = {"WHISPER_DATABASE_URL": "postgresql://user:hunter2@127.0.0.1:1/calls"}

    status, printed = whisper("purge", cwd=home, env=deployed | away)

    assert status == 1
    assert printed.splitlines()[-1].startswith("whisper: The server's database is unavailable")
    assert "Connect call failed" in printed.splitlines()[-1]
    assert "hunter2" not in printed


def test_a_server_starts_before_its_database(home: Path, deployed: dict[str, str]) -> None:
    """It says that it waits, and is not ready."""
    away = {"WHISPER_DATABASE_URL": "postgresql://user:hunter2@127.0.0.1:1/calls"}
    with program(WHISPER, "serve", cwd=home, env=deployed | away) as server:
        url = url_of(server.wait_for("Open http"))

        assert http.get(f"{url}/livez").status_code == 200
        assert http.get(f"{url}/readyz").status_code == 503
        assert "hunter2" not in server.output


def test_a_port_that_is_taken_is_said(home: Path, deployed: dict[str, str]) -> None:
    """A second server on the same port ends with an error that names it."""
    with program(WHISPER, "serve", cwd=home, env=deployed) as first:
        port = url_of(first.wait_for("Open http")).rpartition(":")[2]

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


@pytest.mark.parametrize(
    "subject",
    ["ops@whisper.dev", "mailto:<ops@whisper.dev>", "mailto:ops@relay.local", "mailto:mailto:a@b.dev"],
)
def test_doctor_and_serve_agree_on_the_subject(home: Path, deployed: dict[str, str], subject: str) -> None:
    """What one refuses, the other does, with the same reason."""
    variables = deployed | {"WHISPER_VAPID_SUBJECT": subject}

    served, said = whisper("serve", cwd=home, env=variables)
    _, printed = whisper("doctor", cwd=home, env=variables)

    (finding,) = [line for line in printed.splitlines() if "VAPID subject" in line]
    reason = said.partition("WHISPER_VAPID_SUBJECT: ")[2].rstrip(".")
    assert (served, finding) == (
        1,
        f"FAIL  VAPID subject {subject}: {reason}: see WHISPER_VAPID_SUBJECT",
    )


def test_doctor_looks_at_a_machine_without_settings(home: Path) -> None:
    """The embedded Postgres works, the key is yet to be made, and push services need an address."""
    status, printed = whisper("doctor", cwd=home, env={"WHISPER_PUSH_ENDPOINTS": "http://127.0.0.1:1"})

    assert status == 1
    assert "ok    embedded Postgres" in printed
    assert "ok    VAPID key" in printed
    assert "FAIL  VAPID subject" in printed


def test_doctor_names_each_remedy(home: Path, deployed: dict[str, str], empty: URL) -> None:
    """An outdated schema, and a key that is missing."""
    del deployed["WHISPER_VAPID_PRIVATE_KEY"]
    outdated = {
        "WHISPER_DATABASE_URL": empty.render_as_string(hide_password=False),
        "WHISPER_PUSH_ENDPOINTS": "http://127.0.0.1:1",
    }

    _, printed = whisper("doctor", cwd=home, env=deployed | outdated)

    assert "FAIL  database and schema: The database's schema is empty" in printed
    assert "`whisper vapid --keep` makes one" in printed


def test_a_proxy_that_is_not_trusted_is_told(home: Path, deployed: dict[str, str]) -> None:
    """By one line of the log, and by `doctor` beside the running server; not once it is trusted."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = str(unused.getsockname()[1])
    env = deployed | {"WHISPER_PORT": port, "WHISPER_PUSH_ENDPOINTS": "http://127.0.0.1:1"}
    found = []
    for trusted in ("", "127.0.0.1"):
        with program(WHISPER, "serve", cwd=home, env=env | {"WHISPER_TRUSTED_PROXIES": trusted}) as server:
            url = url_of(server.wait_for("Open http"))
            for _ in range(30):
                http.get(f"{url}/config", headers={"X-Forwarded-For": "203.0.113.7"})
            _, printed = whisper("doctor", cwd=home, env=env)
            lines = [line for line in server.lines if "WHISPER_TRUSTED_PROXIES" in line]
        found.append((len(lines), "FAIL  reverse proxy" in printed, "ok    reverse proxy" in printed))

    assert found == [(1, True, False), (0, False, True)]


def test_doctor_tells_a_dead_replica_from_the_database(home: Path, deployed: dict[str, str]) -> None:
    """By its name, and with the cause."""
    dead = {"WHISPER_DATABASE_REPLICA_URL": "postgresql://user:hunter2@127.0.0.1:1/calls"}
    unreachable = {"WHISPER_PUSH_ENDPOINTS": "http://127.0.0.1:1"}

    _, printed = whisper("doctor", cwd=home, env=deployed | dead | unreachable)

    (line,) = [line for line in printed.splitlines() if line.startswith("FAIL  replica")]
    assert "server's database" not in line
    assert "Connect call failed" in line
    assert "WHISPER_DATABASE_REPLICA_URL" in line
    assert "ok    database and schema" in printed
    assert "hunter2" not in printed


def test_serve_names_everything_that_is_missing(home: Path, empty: URL) -> None:
    """At once, with the commands that mend it, and `doctor`."""
    env = {"WHISPER_DATABASE_URL": empty.render_as_string(hide_password=False)}

    status, printed = whisper("serve", cwd=home, env=env)

    variables = "WHISPER_VAPID_PRIVATE_KEY", "WHISPER_VAPID_SUBJECT"
    commands = "`whisper vapid", "`whisper migrate`", "`whisper doctor`"
    assert status == 1
    assert [each for each in (*variables, *commands) if each not in printed] == []


def test_doctor_is_content_with_what_is_well(home: Path, deployed: dict[str, str]) -> None:
    """All is well, and the status is 0."""
    with program(sys.executable, "-m", "tests.push_service", "--port", "0") as push_service:
        origin = push_service.wait_for("push service at").split()[3]

        status, printed = whisper("doctor", cwd=home, env=deployed | {"WHISPER_PUSH_ENDPOINTS": origin})

    assert (status, printed.splitlines()[-1]) == (0, "All is well.")


def test_purge_says_how_many(home: Path, deployed: dict[str, str], migrated: URL) -> None:
    """By hand, whenever an operator wants it."""
    expired = "INSERT INTO subscription VALUES (decode(repeat('07', 32), 'hex'), '', '', '', 1, NULL)"
    asyncio.run(execute(migrated, "DELETE FROM subscription"))
    asyncio.run(execute(migrated, expired))

    printed = [whisper("purge", cwd=home, env=deployed) for _ in range(2)]

    assert printed == [(0, "Purged 1 expired registrations."), (0, "Purged 0 expired registrations.")]


def test_purge_leaves_it_to_who_is_at_it(home: Path, deployed: dict[str, str], migrated: URL) -> None:
    """It does not wait."""
    lease = f"INSERT INTO subscription (address, signed_at) VALUES ('\\x{LEASE.hex()}', {10**15})"  # noqa: S608 - ours
    asyncio.run(execute(migrated, "DELETE FROM subscription"))
    asyncio.run(execute(migrated, lease))

    printed = whisper("purge", cwd=home, env=deployed)
    asyncio.run(execute(migrated, "DELETE FROM subscription"))

    assert printed == (0, "A server is purging just now.")


async def execute(url: URL, statement: str) -> None:
    """Run one statement."""
    async with open_database(url) as database:
        await database.fetch(text(statement))


def test_a_rotated_key_is_printed_before_the_old_one(home: Path, deployed: dict[str, str]) -> None:
    """As the setting takes it: the line replaces the one in .env."""
    status, printed = whisper("vapid", "--rotate", cwd=home, env=deployed)

    (line,) = [line for line in printed.splitlines() if not line.startswith("#")]
    name, _, value = line.partition("=")
    newest, oldest = parse_keys(value)
    assert (status, name, oldest.private_text) == (0, "WHISPER_VAPID_PRIVATE_KEY", KEY)
    assert newest.public_text in printed
    with program(WHISPER, "serve", cwd=home, env=deployed | {name: value}) as server:
        url = url_of(server.wait_for("Open http"))
        assert http.get(f"{url}/config").json()["vapid_public_key"] == newest.public_text


def test_a_kept_key_is_rotated_where_it_is_kept(home: Path, deployed: dict[str, str]) -> None:
    """The old one stays beside the new one, and nobody else can read them."""
    del deployed["WHISPER_VAPID_PRIVATE_KEY"]
    whisper("vapid", "--keep", cwd=home, env=deployed)
    file = home / ".whisper" / "vapid_private_key"
    before = file.read_text().strip()

    status, printed = whisper("vapid", "--rotate", cwd=home, env=deployed)

    newest, oldest = parse_keys(file.read_text().strip())
    assert (status, oldest.private_text) == (0, before)
    assert newest.public_text in printed
    assert newest.private_text not in printed
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "ok    VAPID key" in whisper("doctor", cwd=home, env=deployed)[1]


def test_there_must_be_a_key_to_rotate(home: Path) -> None:
    """Or the new one would not be new."""
    status, printed = whisper("vapid", "--rotate", cwd=home)

    assert status == 1
    assert "whisper vapid --keep" in printed


def is_open(port: int) -> bool:
    """Tell whether somebody can connect."""
    with socket.socket() as opened:
        return opened.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_who_has_just_connected_may_still_ask(home: Path, deployed: dict[str, str], workers: str) -> None:
    """A server that stops answers them, and says that it closes; nobody else gets in."""
    with program(WHISPER, "serve", "--workers", workers, cwd=home, env=deployed) as server:
        port = int(url_of(server.wait_for("Open http")).rpartition(":")[2])
        for _ in range(2 if workers == "2" else 0):
            server.wait_for("startup complete")
        with socket.create_connection(("127.0.0.1", port)) as client:
            time.sleep(0.3)
            server.process.terminate()
            server.wait_for("Shutting down")
            while is_open(port):
                time.sleep(0.01)
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = client.recv(4096).lower()

        assert answer.startswith(b"http/1.1 200")
        assert b"connection: close" in answer
        assert server.ended() == 0
