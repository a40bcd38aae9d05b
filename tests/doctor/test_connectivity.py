"""Connectivity checks of `whisper doctor`: push services are reached as a push reaches them."""

from collections.abc import AsyncIterator, Mapping

import pytest
from pydantic import SecretStr
from sqlalchemy.engine import URL

from app.doctor.connectivity import PUSH_SERVICES
from app.doctor.report import examine
from app.settings import Settings
from tests.hostile.connect_proxy import PASSWORD, ConnectProxy
from tests.hostile.fake_internet import Internet, settings_for

pytestmark = pytest.mark.anyio

HOSTS = {name: origin.removeprefix("https://") for name, origin in PUSH_SERVICES.items()}
NAMES: Mapping[str, list[str]] = {host: ["142.250.74.10"] for host in HOSTS.values()}
CHROME = HOSTS["Chrome"]


@pytest.fixture
def settings(migrated: URL) -> Settings:
    """Return settings that reach the browsers' push services."""
    return settings_for(migrated, "browsers").model_copy(update={"vapid_subject": "mailto:ops@whisper.dev"})


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    """Run an Internet in which all of them are."""
    async with Internet.running(NAMES) as running:
        yield running


async def findings(
    settings: Settings, internet: Internet, capsys: pytest.CaptureFixture[str]
) -> dict[str, str]:
    """Return the line about each browser's push service, by the browser's name."""
    assert settings.database_url
    await examine(settings, settings.database_url.get_secret_value(), internet.network)
    lines = [line for line in capsys.readouterr().out.splitlines() if "push service" in line]
    return {name: next(line for line in lines if f"push service {name}" in line) for name in PUSH_SERVICES}


async def test_push_services_that_are_reached_are_well(
    settings: Settings, internet: Internet, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is connected to, by its own name, and sent nothing."""
    said = await findings(settings, internet, capsys)

    assert said == {name: f"ok    push service {name}" for name in PUSH_SERVICES}
    assert (internet.look_ups.keys(), internet.requests) == (NAMES.keys(), [])


@pytest.mark.parametrize("address", ["198.18.0.5", "0.0.0.0", "10.1.2.3"], ids=["fake IP", "zero", "private"])  # noqa: S104
async def test_blocked_names_are_told(
    settings: Settings, internet: Internet, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    """With the same guard as a push: a connection alone would say that all is well."""
    internet.names = {**NAMES, CHROME: [address]}

    said = await findings(settings, internet, capsys)

    assert said["Chrome"].startswith(f"FAIL  push service Chrome: https://{CHROME} can't be reached: ")
    assert "DNS is blocked or redirected" in said["Chrome"]
    assert "WHISPER_NAT64_PREFIX" in said["Chrome"]
    assert said["Firefox"] == "ok    push service Firefox"


async def test_a_name_that_is_not_known_is_told(
    settings: Settings, internet: Internet, capsys: pytest.CaptureFixture[str]
) -> None:
    """With where to look."""
    internet.names = {**NAMES, CHROME: []}

    said = await findings(settings, internet, capsys)

    assert said["Chrome"].endswith("can't be reached: gaierror: check DNS and firewall")


async def test_the_proxy_is_gone_through(
    settings: Settings, internet: Internet, capsys: pytest.CaptureFixture[str]
) -> None:
    """And is named, as the way that pushes take."""
    async with ConnectProxy.running(internet) as proxy:
        proxied = settings.model_copy(update={"egress_proxy": SecretStr(proxy.url)})
        said = await findings(proxied, internet, capsys)

    assert set(said.values()) == {
        f"ok    push service {name} by way of WHISPER_EGRESS_PROXY" for name in PUSH_SERVICES
    }
    assert (set(proxy.asked), internet.look_ups) == ({f"{host}:443" for host in NAMES}, {})


async def test_a_proxy_that_refuses_is_told(
    settings: Settings, internet: Internet, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its status, and without the password."""
    async with ConnectProxy.running(internet) as proxy:
        proxy.answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
        proxied = settings.model_copy(update={"egress_proxy": SecretStr(proxy.url)})
        said = await findings(proxied, internet, capsys)

    assert said["Chrome"].endswith("the proxy answered 407: check its rules, user and password")
    assert PASSWORD not in said["Chrome"]


async def test_a_proxy_that_is_not_there_is_told(
    settings: Settings, internet: Internet, capsys: pytest.CaptureFixture[str]
) -> None:
    """DNS is not to blame."""
    proxied = settings.model_copy(update={"egress_proxy": SecretStr("http://127.0.0.1:1")})

    said = await findings(proxied, internet, capsys)

    assert said["Chrome"].endswith("can't be reached: ConnectionRefusedError: check the proxy")
