"""Settings by WHISPER_… variables; a mistake is one line that names its variable."""

import os
import re
from ipaddress import IPv6Network
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.push.endpoint_policy import EndpointPolicy
from app.push.vapid import VapidKey
from app.settings import InvalidSettings, Settings, load
from tests.people import now_ms

EXAMPLE = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
DESCRIBED = dict(re.findall(r"^#?WHISPER_(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
DEFAULTS = dict(re.findall(r"^#WHISPER_(\w+)=(.+)$", EXAMPLE, re.MULTILINE))

KEY = VapidKey.generate().private_text
NEEDLE = "hunter2-correct-horse"
URL = f"postgresql://whisper:{NEEDLE}@db.example.org:5432/whisper"

READINGS: list[tuple[str, str, str, object]] = [
    ("DATABASE_URL", URL, "database_url", SecretStr(URL)),
    ("DATABASE_REPLICA_URL", URL, "database_replica_url", SecretStr(URL)),
    ("REDIS_URL", "rediss://:secret@redis:6380/1", "redis_url", SecretStr("rediss://:secret@redis:6380/1")),
    ("DATA_DIR", "/var/lib/whisper", "data_dir", Path("/var/lib/whisper")),
    ("HOST", "::1", "host", "::1"),
    ("PORT", "0", "port", 0),
    ("PORT", "65535", "port", 65535),
    ("WORKERS", "4", "workers", 4),
    ("MAX_CONNECTIONS_PER_CLIENT", "20", "max_connections_per_client", 20),
    ("KEEP_ALIVE_SECONDS", "620", "keep_alive_seconds", 620),
    ("KEEP_ALIVE_SECONDS", "0.5", "keep_alive_seconds", 0.5),
    ("VAPID_PRIVATE_KEY", KEY, "vapid_private_key", SecretStr(KEY)),
    ("VAPID_SUBJECT", "mailto:ops@example.org", "vapid_subject", "mailto:ops@example.org"),
    ("CLOCK_WINDOW_SECONDS", "30", "clock_window_ms", 30_000),
    ("CLOCK_WINDOW_SECONDS", "0.25", "clock_window_ms", 250),
    ("CLOCK_WINDOW_SECONDS", "300", "clock_window_ms", 300_000),
    ("PUSH_ENDPOINTS", "public", "endpoint_policy", EndpointPolicy(public=True)),
    (
        "PUSH_ENDPOINTS",
        "browsers, http://127.0.0.1:8100 ,",
        "endpoint_policy",
        EndpointPolicy(browsers=True, origins=frozenset({"http://127.0.0.1:8100"})),
    ),
    ("NAT64_PREFIX", "2001:db8:64::/96", "nat64_prefix", IPv6Network("2001:db8:64::/96")),
    (
        "EGRESS_PROXY",
        f"http://me:{NEEDLE}@proxy:3128",
        "egress_proxy",
        SecretStr(f"http://me:{NEEDLE}@proxy:3128"),
    ),
    (
        "CORS_ORIGINS",
        "https://a.example.org,http://localhost:8000",
        "cors_origins",
        ("https://a.example.org", "http://localhost:8000"),
    ),
    (
        "ICE_SERVERS",
        "stun:a.example.org, stuns:b.example.org:5349",
        "ice_servers",
        ("stun:a.example.org", "stuns:b.example.org:5349"),
    ),
    ("TURN_SECRET", NEEDLE, "turn_secret", SecretStr(NEEDLE)),
    ("LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
    ("LOG_FORMAT", "json", "log_format", "json"),
    ("ROOT_PATH", "/whisper/", "root_path", "/whisper"),
    ("ROOT_PATH", "/", "root_path", ""),
    ("METRICS_LISTEN", "127.0.0.1:9464", "metrics_listen", ("127.0.0.1", 9464)),
    ("METRICS_LISTEN", "[::1]:9464", "metrics_listen", ("::1", 9464)),
    ("METRICS_LISTEN", "/run/metrics.sock", "metrics_listen", Path("/run/metrics.sock")),
    ("OTLP_ENDPOINT", "http://collector:4318", "otlp_endpoint", "http://collector:4318"),
]

FAULTS = [
    ("DATABASE_URL", NEEDLE),
    ("DATABASE_URL", f"mysql://whisper:{NEEDLE}@db/whisper"),
    ("DATABASE_URL", f"postgresql://whisper:{NEEDLE}@db:{NEEDLE}/whisper"),
    ("DATABASE_URL", f"postgresql+psycopg2://whisper:{NEEDLE}@db/whisper"),
    ("DATABASE_URL", f"sqlite:///{NEEDLE}"),
    ("DATABASE_REPLICA_URL", f"mysql://whisper:{NEEDLE}@db/whisper"),
    ("REDIS_URL", NEEDLE),
    ("REDIS_URL", f"http://:{NEEDLE}@redis"),
    ("REDIS_URL", f"redis://:{NEEDLE}@redis:{NEEDLE}"),
    ("REDIS_URL", f"redis://redis?{NEEDLE}=1"),
    ("PORT", NEEDLE),
    ("PORT", "-1"),
    ("PORT", "65536"),
    ("PORT", "80.5"),
    ("WORKERS", "0"),
    ("WORKERS", "257"),
    ("WORKERS", NEEDLE),
    ("MAX_CONNECTIONS_PER_CLIENT", "0"),
    ("KEEP_ALIVE_SECONDS", "0"),
    ("KEEP_ALIVE_SECONDS", "3601"),
    ("KEEP_ALIVE_SECONDS", "nan"),
    ("CLOCK_WINDOW_SECONDS", "0"),
    ("CLOCK_WINDOW_SECONDS", "-5"),
    ("CLOCK_WINDOW_SECONDS", "300.1"),
    ("CLOCK_WINDOW_SECONDS", "nan"),
    ("CLOCK_WINDOW_SECONDS", NEEDLE),
    ("PUSH_ENDPOINTS", NEEDLE),
    ("PUSH_ENDPOINTS", "browser"),
    ("PUSH_ENDPOINTS", "browsers,https://"),
    ("PUSH_ENDPOINTS", f"ftp://{NEEDLE}"),
    ("NAT64_PREFIX", NEEDLE),
    ("NAT64_PREFIX", "64:ff9b::/95"),
    ("NAT64_PREFIX", "10.0.0.0/8"),
    ("EGRESS_PROXY", NEEDLE),
    ("EGRESS_PROXY", f"https://me:{NEEDLE}@proxy:3128"),
    ("EGRESS_PROXY", f"http://me:{NEEDLE}@proxy"),
    ("EGRESS_PROXY", f"http://me:{NEEDLE}@proxy:3128/path"),
    ("EGRESS_PROXY", f"http://me:{NEEDLE}@proxy:65536"),
    ("EGRESS_PROXY", f"socks5://me:{NEEDLE}@proxy:1080"),
    ("CORS_ORIGINS", NEEDLE),
    ("CORS_ORIGINS", "https://app.example.org/"),
    ("CORS_ORIGINS", "https://app.example.org/app"),
    ("CORS_ORIGINS", "https://app.example.org?x"),
    ("CORS_ORIGINS", "https://user@app.example.org"),
    ("CORS_ORIGINS", "HTTPS://App.example.org"),
    ("CORS_ORIGINS", "https://"),
    ("CORS_ORIGINS", "https://app.example.org,app.example.org"),
    ("ICE_SERVERS", NEEDLE),
    ("ICE_SERVERS", "stun:a.example.org,https://b.example.org"),
    ("LOG_LEVEL", NEEDLE),
    ("LOG_LEVEL", "LOUD"),
    ("LOG_FORMAT", NEEDLE),
    ("ROOT_PATH", NEEDLE),
    ("ROOT_PATH", "/a b"),
    ("ROOT_PATH", "//elsewhere"),
    ("METRICS_LISTEN", NEEDLE),
    ("METRICS_LISTEN", f"{NEEDLE}:9464"),
    ("METRICS_LISTEN", "127.0.0.1:0"),
    ("METRICS_LISTEN", "127.0.0.1:8000"),
    ("OTLP_ENDPOINT", NEEDLE),
    ("OTLP_ENDPOINT", f"http://me:{NEEDLE}@collector:4318"),
    ("OTLP_ENDPOINT", "ftp://collector"),
]


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty directory, with none of our variables."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("WHISPER_")]:
        monkeypatch.delenv(name)


def fault_of(**overrides: object) -> str:
    """Return what is said of settings that can't work."""
    with pytest.raises(InvalidSettings) as caught:
        load(**overrides)
    return str(caught.value)


def test_whoever_decides_nothing_gets_a_small_and_safe_server() -> None:
    """On loopback, for the known browsers only, with the protocol's clock window."""
    settings = load()

    assert (settings.host, settings.port, settings.workers, settings.log_level) == (
        "127.0.0.1",
        8000,
        1,
        "INFO",
    )
    assert (settings.endpoint_policy, settings.clock_window_ms) == (EndpointPolicy(browsers=True), 5_000)
    assert (settings.cors_origins, settings.ice_servers, settings.data_dir) == (("*",), (), Path(".whisper"))


def test_no_secret_has_a_default() -> None:
    """What all the world knows protects nothing."""
    settings = load()

    assert (settings.database_url, settings.vapid_private_key, settings.turn_secret) == (None, None, None)


def test_the_example_describes_every_setting() -> None:
    """And no other."""
    assert {name.lower() for name in DESCRIBED} == set(Settings.model_fields)


@pytest.mark.parametrize(("name", "text"), DEFAULTS.items(), ids=DEFAULTS)
def test_the_example_shows_the_default(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To take its # away changes nothing."""
    monkeypatch.setenv(f"WHISPER_{name}", text)

    assert load() == Settings.model_construct()


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"), READINGS, ids=[str(reading[0]) for reading in READINGS]
)
def test_a_variable_is_read(
    name: str, text: str, attribute: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them, with its type."""
    monkeypatch.setenv(f"WHISPER_{name}", text)

    assert getattr(load(), attribute) == value


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_is_unset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that compose files can hand on what is not there."""
    monkeypatch.setenv(f"WHISPER_{name.upper()}", "")

    assert load() == Settings.model_construct()


def test_a_variable_without_our_prefix_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts set PORT for their own reasons."""
    monkeypatch.setenv("PORT", "1")

    assert load().port == 8000


def test_a_file_in_the_working_directory_is_read(tmp_path: Path) -> None:
    """With comments, quotes, and lines for other programs."""
    (tmp_path / ".env").write_text(
        '# a comment\nWHISPER_PORT=9000\nWHISPER_VAPID_SUBJECT="mailto:ops@example.org"\n'
        "WHISPER_HOST=\nPOSTGRES_PASSWORD=x\nWHISPER_UNKNOWN=1\n",
        encoding="utf-8",
    )

    settings = load()

    assert (settings.port, settings.vapid_subject) == (9000, "mailto:ops@example.org")
    assert settings.host == "127.0.0.1"


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts it has the last word but one."""
    (tmp_path / ".env").write_text("WHISPER_PORT=9000", encoding="utf-8")
    monkeypatch.setenv("WHISPER_PORT", "9001")

    assert load().port == 9001


def test_an_override_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the command line has the last."""
    monkeypatch.setenv("WHISPER_PORT", "9001")

    assert load(port=9002).port == 9002


@pytest.mark.parametrize(("name", "text"), FAULTS)
def test_a_mistake_is_one_line_that_names_its_variable(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence to mend it by."""
    monkeypatch.setenv(f"WHISPER_{name}", text)

    assert re.fullmatch(rf"WHISPER_{name}: .{{10,}}\.", fault_of())


@pytest.mark.parametrize(("name", "text"), [fault for fault in FAULTS if NEEDLE in fault[1]])
def test_a_mistake_is_not_repeated(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in the wrong place must not end in a log."""
    monkeypatch.setenv(f"WHISPER_{name}", text)

    assert NEEDLE not in fault_of()


def test_a_mistake_in_the_file_names_its_variable(tmp_path: Path) -> None:
    """Wherever it was set."""
    (tmp_path / ".env").write_text(f"WHISPER_PORT={NEEDLE}", encoding="utf-8")

    assert fault_of().startswith("WHISPER_PORT: ")


def test_each_mistake_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator mends them all at once."""
    for name in ("PORT", "WORKERS", "DATABASE_URL", "ICE_SERVERS"):
        monkeypatch.setenv(f"WHISPER_{name}", "x")

    names = [line.partition(":")[0] for line in fault_of().splitlines()]

    assert sorted(names) == ["WHISPER_DATABASE_URL", "WHISPER_ICE_SERVERS", "WHISPER_PORT", "WHISPER_WORKERS"]


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:p@host/db",
        "postgresql://u:p@host:5432/db?sslmode=require",
        "postgresql+asyncpg://host/db",
        "postgresql:///db?host=/run/postgresql",
    ],
)
def test_a_database_is_named_as_hosts_name_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either scheme, with a password or on a socket."""
    monkeypatch.setenv("WHISPER_DATABASE_URL", url)

    assert load().require_database_url() == url


def test_a_database_that_is_needed_is_asked_for() -> None:
    """By the name of its variable."""
    with pytest.raises(InvalidSettings, match=r"^WHISPER_DATABASE_URL is missing: postgresql://"):
        load().require_database_url()


@pytest.mark.parametrize("scheme", ["turn", "turns"])
def test_a_turn_server_needs_its_secret(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, clients would get a server that refuses them."""
    monkeypatch.setenv("WHISPER_ICE_SERVERS", f"stun:a.example.org,{scheme}:b.example.org")

    fault = fault_of()

    assert "WHISPER_TURN_SECRET is missing" in fault
    assert "\n" not in fault


def test_a_turn_server_with_its_secret_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its credentials are made from it."""
    monkeypatch.setenv("WHISPER_ICE_SERVERS", "turn:b.example.org?transport=udp")
    monkeypatch.setenv("WHISPER_TURN_SECRET", NEEDLE)

    assert load().ice_servers == ("turn:b.example.org?transport=udp",)


def test_an_identity_is_made_of_key_and_subject() -> None:
    """It signs with the key that was set."""
    vapid = load(vapid_private_key=KEY, vapid_subject="mailto:ops@example.org").require_vapid().newest

    assert vapid.key.private_text == KEY
    assert vapid.token("https://push.example.org", now_ms()).header.startswith("vapid t=")


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({}, "WHISPER_VAPID_PRIVATE_KEY and WHISPER_VAPID_SUBJECT are"),
        ({"vapid_subject": "mailto:ops@example.org"}, "WHISPER_VAPID_PRIVATE_KEY is"),
        ({"vapid_private_key": KEY}, "WHISPER_VAPID_SUBJECT is"),
    ],
    ids=["both", "the key", "the subject"],
)
def test_an_identity_that_is_needed_is_asked_for(settings: dict[str, object], missing: str) -> None:
    """With the command that makes one."""
    with pytest.raises(InvalidSettings, match=f"^{missing} missing: `whisper vapid`"):
        load(**settings).require_vapid()


@pytest.mark.parametrize(
    "key", [NEEDLE, KEY[:-1], KEY + "A", "A" * 43], ids=["text", "short", "long", "zero"]
)
def test_a_key_that_can_not_sign_names_its_variable(key: str) -> None:
    """And is not repeated."""
    with pytest.raises(InvalidSettings, match=r"^WHISPER_VAPID_PRIVATE_KEY: .+\.$") as caught:
        load(vapid_private_key=key, vapid_subject="mailto:ops@example.org").require_vapid()

    assert key not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("subject", ["ops@example.org", "localhost", "mailto:", "http://example.org"])
def test_a_subject_that_nobody_can_write_to_names_its_variable(subject: str) -> None:
    """Push services would refuse every message."""
    with pytest.raises(InvalidSettings, match=r"^WHISPER_VAPID_SUBJECT: .+\.$"):
        load(vapid_private_key=KEY, vapid_subject=subject).require_vapid()


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which names it."""
    (tmp_path / ".env").write_text("WHISPER_VAPID_SUBJECT=mailto:ü@example.org", "latin-1")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidSettings, match=r"/\.env is not UTF-8 text\.$"):
        load()


def test_settings_do_not_show_their_secrets() -> None:
    """Printed whole, they tell nothing."""
    settings = load(database_url=URL, vapid_private_key=KEY, turn_secret=NEEDLE)

    shown = f"{settings} {settings!r} {settings.model_dump()}"

    assert [secret for secret in (NEEDLE, KEY, URL) if secret in shown] == []


def test_settings_do_not_change() -> None:
    """What was checked stays as it was."""
    settings: Any = load()

    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
