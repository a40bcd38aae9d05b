"""Deployment files, compared with the settings: image, compose file, .env.example, Makefile."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from ctypes.util import find_library
from importlib.metadata import requires
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from sqlalchemy import make_url

from app.settings import PREFIX, Settings, load
from tests.deploy.compose_files import container_environment, load_compose, read_variables

ROOT = Path(__file__).parents[2]
KNOWN = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}

JEMALLOC = "libjemalloc.so.2"

# In .env.example a `#NAME=value` line is a default; prose has a space after its #.
DEFAULT_LINE = re.compile(r"^#(?=[A-Z0-9_]+=)", re.MULTILINE)


def read(name: str) -> str:
    """Return the text of a file of the project."""
    return (ROOT / name).read_text()


EXAMPLE = read(".env.example")
UNCOMMENTED = DEFAULT_LINE.sub("", EXAMPLE)


def services(env_file: str = EXAMPLE) -> dict[str, Any]:
    """Return the services that compose would start."""
    started: dict[str, Any] = load_compose("docker-compose.yml", env_file)["services"]
    return started


def instructions(stage: int) -> list[tuple[str, str]]:
    """Return the instructions of one stage of the Dockerfile with their arguments, each on one line."""
    text = re.sub(r"^#.*\n", "", read("Dockerfile"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", re.split(r"^FROM ", text, flags=re.MULTILINE)[stage]).splitlines()
    return [(word, arguments) for word, _, arguments in (line.partition(" ") for line in lines[1:])]


def final(instruction: str) -> str:
    """Return the last arguments of an *instruction* in the image's final stage."""
    return [arguments for word, arguments in instructions(-1) if word == instruction][-1]


def copied(stage: int) -> set[str]:
    """Return what a stage takes from the project."""
    copies = [arguments for word, arguments in instructions(stage) if word == "COPY"]
    return {source for paths in copies if not paths.startswith("--from") for source in paths.split()[:-1]}


def targets() -> set[str]:
    """Return the Makefile's targets."""
    return set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory, with no setting in the environment."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "file", [".env.example", "docker-compose.yml", "Dockerfile", "Makefile", "README.md"]
)
def test_a_variable_that_is_named_exists(file: str) -> None:
    """Nobody is told to set what nothing reads."""
    assert set(re.findall(rf"{PREFIX}[A-Z0-9_]+", read(file))) <= KNOWN


def test_every_setting_is_in_the_example() -> None:
    """Whoever reads .env.example has seen all of them."""
    assert {name for name in read_variables(UNCOMMENTED) if name.startswith(PREFIX)} == KNOWN


@pytest.mark.parametrize("env_file", [EXAMPLE, UNCOMMENTED], ids=["as it is", "uncommented"])
def test_the_example_is_the_defaults(alone: Path, env_file: str) -> None:
    """A copy changes nothing, whether its defaults are in force or not; but it has a TURN secret."""
    defaults = load()
    (alone / ".env").write_text(env_file)

    settings = load()

    assert settings.turn_secret is not None
    assert settings.model_copy(update={"turn_secret": None}).model_dump() == defaults.model_dump()


def test_an_empty_line_of_the_example_is_an_empty_default() -> None:
    """An empty variable is ignored, so it would hide a default that is not empty."""
    empty = {name for name, value in read_variables(UNCOMMENTED).items() if not value} & KNOWN

    assert all(
        Settings.model_fields[name.removeprefix(PREFIX).lower()].default in (None, (), "") for name in empty
    )


@pytest.mark.parametrize("env_file", [EXAMPLE, UNCOMMENTED], ids=["as it is", "uncommented"])
def test_compose_has_settings_that_work(alone: Path, env_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a copy of the example alone, Whisper finds its database, and a volume to keep its key in."""
    whisper = services(env_file)["whisper"]
    for name, value in container_environment(whisper, read_variables(env_file)).items():
        monkeypatch.setenv(name, value)

    settings = load()

    assert make_url(settings.require_database_url()).host == "postgres"
    assert settings.vapid_subject
    assert "whisper vapid --keep && " in whisper["command"][-1]
    assert whisper["volumes"] == [f"whisper-data:{settings.data_dir}"]
    assert whisper["ports"] == [f"127.0.0.1:8000:{settings.port}", "127.0.0.1:9464:9464"]
    assert final("ENV").endswith(f"{PREFIX}HOST={settings.host}")
    assert list(alone.iterdir()) == []


def test_compose_names_its_own_turn_server_unless_told_otherwise() -> None:
    """An empty list means none, there too."""
    name = f"{PREFIX}ICE_SERVERS"

    named = services("DOMAIN=call.example\nWHISPER_TURN_SECRET=s")["whisper"]["environment"][name]

    assert named.split(",") == [
        "stun:call.example:3478",
        "turn:call.example:3478",
        "turn:call.example:3478?transport=tcp",
        "turns:call.example:5349?transport=tcp",
    ]
    assert "turn:localhost:3478" in services()["whisper"]["environment"][name]
    assert services(UNCOMMENTED)["whisper"]["environment"][name] == ""


def test_metrics_are_for_the_machine_of_compose(alone: Path) -> None:  # noqa: ARG001 - no other settings
    """They listen where their port is published, for this machine alone."""
    whisper = load_compose("docker-compose.yml", EXAMPLE)["services"]["whisper"]
    listen = load(metrics_listen=whisper["environment"][f"{PREFIX}METRICS_LISTEN"]).metrics_listen

    assert listen == ("0.0.0.0", 9464)  # noqa: S104 - in a network of its own
    assert f"127.0.0.1:9464:{listen[1]}" in whisper["ports"]


def test_one_domain_name_is_enough() -> None:
    """The proxy's certificate, the VAPID subject and the ICE servers follow it."""
    compose = services("DOMAIN=call.example\nWHISPER_TURN_SECRET=s")

    assert compose["caddy"]["environment"]["DOMAIN"] == "call.example"
    assert compose["whisper"]["environment"][f"{PREFIX}VAPID_SUBJECT"] == "https://call.example"
    assert compose["caddy"]["profiles"] == ["tls"]


@pytest.mark.parametrize("network", ["", "NETWORK=10.9.8"])
def test_the_server_believes_both_proxies_of_its_fixed_network(network: str) -> None:
    """Caddy's address, and the gateway's, which is that of a proxy on this machine."""
    compose = load_compose("docker-compose.yml", f"{EXAMPLE}\n{network}")
    (pool,) = compose["networks"]["default"]["ipam"]["config"]
    caddy = compose["services"]["caddy"]["networks"]["default"]["ipv4_address"]
    trusted = compose["services"]["whisper"]["environment"][f"{PREFIX}TRUSTED_PROXIES"].split(",")

    assert trusted == [pool["gateway"], caddy]
    assert all(ip_address(each) in ip_network(pool["subnet"]) for each in trusted)
    assert all(ip_address(each) not in ip_network(pool["ip_range"]) for each in trusted)


def test_whisper_and_coturn_share_the_secret() -> None:
    """Credentials that Whisper makes are good at coturn."""
    compose = services(f"{PREFIX}TURN_SECRET=shared+/=")

    told = {
        compose[name]["environment"][key]
        for name, key in (("whisper", f"{PREFIX}TURN_SECRET"), ("coturn", "TURN_SECRET"))
    }
    assert told == {"shared+/="}


def test_whisper_and_postgres_share_the_password() -> None:
    """The URL is the one that Postgres lets in."""
    compose = services(EXAMPLE + "\nPOSTGRES_PASSWORD=changed")
    url = make_url(compose["whisper"]["environment"][f"{PREFIX}DATABASE_URL"])
    postgres = compose["postgres"]["environment"]

    assert {url.password, postgres["POSTGRES_PASSWORD"]} == {"changed"}
    assert url.username == postgres["POSTGRES_USER"]
    assert url.database == url.username  # which the image makes


def test_whisper_waits_for_postgres_and_migrates() -> None:
    """It serves when the schema is there, and as the process that gets SIGTERM."""
    compose = services()

    assert compose["whisper"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert "pg_isready" in compose["postgres"]["healthcheck"]["test"]
    assert re.search("whisper migrate && exec whisper serve$", compose["whisper"]["command"][-1])


def test_postgres_keeps_its_data() -> None:
    """The image of 18 has it one folder above that of 17; a wrong path would lose it with the container."""
    postgres = services()["postgres"]

    assert postgres["image"] == "postgres:18"
    assert postgres["volumes"] == ["postgres-data:/var/lib/postgresql"]


def test_nothing_is_published_beyond_this_machine() -> None:
    """Not without the TLS profile or TURN_LISTEN: the example's secrets are public."""
    compose = services()

    published = {
        name: each["ports"] for name, each in compose.items() if "ports" in each and "profiles" not in each
    }

    assert published.keys() == {"whisper", "coturn"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def read_hashes() -> dict[str, str]:
    """Return the versions in hashes.txt by normalised name; fail on any line that is not one with hashes."""
    entries = re.split(r"\n(?=\S)", read("hashes.txt").strip())
    line = re.compile(r"([\w.-]+)(?:\[\w,]+)?==([\w.]+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)")
    found = [line.fullmatch(entry) for entry in entries]
    assert None not in found, [entry for entry, match in zip(entries, found, strict=True) if not match]
    return {normalise(match[1]): match[2] for match in found if match}


def normalise(name: str) -> str:
    """Return the name of a package as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required_by(names: Iterable[str], python: str) -> set[str]:
    """Return everything that these requirements need on Linux, by what is installed here."""
    found: set[str] = set()
    waiting = [Requirement(name) for name in names]
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
    }
    while waiting:
        requirement = waiting.pop()
        key = f"{normalise(requirement.name)}[{','.join(sorted(requirement.extras))}]"
        if key in found:
            continue
        found.add(key)
        if key.startswith("async-timeout["):  # for Python 3.11.0 to 3.11.2 alone: not installed here
            continue
        for text in requires(requirement.name) or ():
            needed = Requirement(text)
            extras = requirement.extras or {""}
            if not needed.marker or any(
                needed.marker.evaluate(environment | {"extra": each}) for each in extras
            ):
                waiting.append(needed)
    return {key.partition("[")[0] for key in found}


def test_the_image_installs_by_hash() -> None:
    """All that the server and its two extras need, in the tested versions, and nothing without a hash."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in ("redis", "tracing") for each in project["optional-dependencies"][extra]),
    ]
    pins = {
        normalise(name): version
        for name, _, version in (line.partition("==") for line in read("constraints.txt").splitlines())
    }
    hashes = read_hashes()
    builder = " ".join(arguments for word, arguments in instructions(1) if word == "RUN")

    assert required_by(wanted, "3.11") | {"setuptools"} == hashes.keys()
    assert {name: pins.get(name) for name in hashes if name != "setuptools"} == {
        name: version for name, version in hashes.items() if name != "setuptools"
    }
    assert "pip install --no-cache-dir --require-hashes --requirement hashes.txt" in builder
    assert "pip install --no-cache-dir --no-deps --no-build-isolation --no-index ." in builder


@pytest.mark.parametrize(
    ("compose", "example"),
    [("docker-compose.yml", ".env.example"), ("deploy/compose.yml", "deploy/env.example")],
)
def test_every_image_can_be_pinned(compose: str, example: str) -> None:
    """By a line that `make pin` prints; without it, by the tag that the example shows."""
    shown = dict(re.findall(r"^#([A-Z]+_IMAGE)=(.+)$", read(example), re.MULTILINE))
    text = read(compose)

    assert dict(re.findall(r"\$\{([A-Z]+_IMAGE):-([^}]+)\}", text)) == shown
    assert set(re.findall(r"^ *image: (?!\$\{[A-Z]+_IMAGE)(.+)$", text, re.MULTILINE)) <= {"whisper"}
    assert f"ARG PYTHON_IMAGE={shown['PYTHON_IMAGE']}" in read("Dockerfile")


def test_the_image_has_what_the_server_reads() -> None:
    """The wheel, built from what it holds; nothing that only happened to lie in the folder."""
    described = {"hashes.txt", "pyproject.toml", "setup.py", "README.md"}
    assert copied(1) == described | {"LICENSE", "alembic.ini", "migrations", "app", "client", "web"}
    assert copied(-1) == set()
    assert all((ROOT / source).exists() for source in copied(1))


def test_secrets_stay_out_of_the_image() -> None:
    """They are not even sent to the builder."""
    assert {".env", ".whisper", ".git", ".venv"} <= set(read(".dockerignore").split())


def test_the_image_serves_without_privileges() -> None:
    """As a user with a fixed number, who owns the volume's folder."""
    (volume,) = services()["whisper"]["volumes"]
    runs = " ".join(arguments for word, arguments in instructions(-1) if word == "RUN")

    assert int(final("USER")) > 0
    assert f"--uid {final('USER')} " in runs
    assert re.search(rf"--owner=whisper .*{volume.partition(':')[2]}", runs)
    assert json.loads(final("CMD")) == ["whisper", "serve"]
    assert final("STOPSIGNAL") == "SIGTERM"


def test_the_image_serves_with_jemalloc() -> None:
    """It is installed, and preloaded by its name, which is the same for every processor."""
    runs = " ".join(arguments for word, arguments in instructions(-1) if word == "RUN")

    assert "apt-get install --yes --no-install-recommends libjemalloc2" in runs
    assert f" LD_PRELOAD={JEMALLOC} " in f" {final('ENV')} "


def test_python_takes_jemalloc_by_its_name() -> None:
    """Where Debian's package is installed."""
    if find_library("jemalloc") is None:
        pytest.skip("needs libjemalloc2")
    maps = "print(open('/proc/self/maps').read())"

    environment = {**os.environ, "LD_PRELOAD": JEMALLOC}
    printed = subprocess.check_output([sys.executable, "-c", maps], env=environment, text=True)

    assert JEMALLOC in printed


def test_the_image_is_asked_for_its_health() -> None:
    """By a module that it has, on the port that it exposes unless another is set."""
    assert json.loads(final("HEALTHCHECK").partition("CMD ")[2]) == ["python", "-m", "app.health_check"]
    assert int(final("EXPOSE")) == Settings.model_fields["port"].default


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md"])
def test_a_command_that_is_named_is_a_target(file: str) -> None:
    """What a reader types works."""
    code = re.findall(r"```.*?```|`[^`]+`", read(file), re.DOTALL)
    named = set(re.findall(r"\bmake ([a-z]+)", "\n".join(code)))

    assert named
    assert named <= targets()


def test_two_commands_are_enough() -> None:
    """To run it and to test it, as the README says; CI runs the tests and the checks."""
    assert {"make run", "make test"} <= set(re.findall(r"^make \w+", read("README.md"), re.MULTILINE))
    assert {"make check", "make test"} <= set(read(".ci/run").splitlines())
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_ci_leaves_nothing_out() -> None:
    """What is left out elsewhere, for want of a browser, is installed there, or it is a failure."""
    script = read(".ci/run")
    drivers = read("tests/browser/drivers/firefox.py") + read("tests/browser/drivers/chromium.py")
    wanted = set(re.findall(r'^(?:FIREFOX|CHROMIUM) = "([\w-]+)"', drivers, re.MULTILINE))

    assert len(wanted) == 2
    assert wanted <= set(re.findall(r"[\w-]+", script))
    assert "export LEAVE_NOTHING_OUT=1" in script.splitlines()


def test_every_javascript_package_is_pinned() -> None:
    """To one version; a lock file would name where it was fetched."""
    packages = json.loads(read("package.json"))["devDependencies"]

    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in packages.values())
    assert not (ROOT / "package-lock.json").exists()


def test_every_direct_dependency_is_pinned() -> None:
    """To one version, and without an address to fetch it from."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    direct = sum(project["optional-dependencies"].values(), project["dependencies"])
    pins = dict(line.split("==") for line in read("constraints.txt").lower().splitlines())

    assert {re.split(r"[^\w.-]", name)[0].replace("_", "-").lower() for name in direct} <= {
        name.replace("_", "-") for name in pins
    }
    assert all(re.fullmatch(r"[\w.]+", pin) for pin in pins.values())


def test_the_changes_are_told() -> None:
    """The version in pyproject.toml has its entry."""
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]

    assert f"## [{version}]" in read("CHANGELOG.md")
