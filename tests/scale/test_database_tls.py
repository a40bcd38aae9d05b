"""A Postgres over TLS, as the parameters of its URL ask for it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.store.errors import DatabaseMisconfigured
from app.store.url import parse_url
from tests.databases import open_database
from tests.faults.harness.cluster import Cluster
from tests.faults.harness.fault_proxy import fault_proxy
from tests.scale.tls_postgres import PASSWORD, TlsPostgres, tls_postgres

IS_TLS = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def server() -> Iterator[TlsPostgres]:
    """Run a Postgres that lets in by TLS only."""
    with tls_postgres() as running:
        yield running


def ask(url: str, statement: str = IS_TLS) -> object:
    """Return the first value that *statement* gives."""

    async def fetch() -> object:
        try:
            async with open_database(parse_url(url)) as database:
                return (await database.fetch(text(statement)))[0][0]
        finally:
            await asyncio.sleep(0.05)  # asyncpg does not wait for the end of a connection that was not let in

    return asyncio.run(fetch())


@pytest.mark.parametrize("mode", ["allow", "prefer", "require"])
def test_tls_is_used_where_it_can_be(server: TlsPostgres, mode: str) -> None:
    """Whoever the server is."""
    assert ask(server.url("127.0.0.1", sslmode=mode)) is True


def test_no_tls_is_used_where_it_is_off(server: TlsPostgres) -> None:
    """Not here, which is no outage."""
    with pytest.raises(DatabaseMisconfigured, match="no encryption"):
        ask(server.url(sslmode="disable"))


@pytest.mark.parametrize(
    ("host", "mode"), [("localhost", "verify-full"), ("localhost", "verify-ca"), ("127.0.0.1", "verify-ca")]
)
def test_a_server_is_verified_by_its_own_authority(server: TlsPostgres, host: str, mode: str) -> None:
    """As those of managed Postgres are; its name counts for verify-full alone."""
    assert ask(server.url(host, sslmode=mode, sslrootcert=server.folder / "root.crt")) is True


@pytest.mark.parametrize(
    ("host", "mode", "root"),
    [
        ("127.0.0.1", "verify-full", "root"),
        ("localhost", "verify-full", "other"),
        ("localhost", "verify-ca", "other"),
        ("localhost", "require", "other"),
    ],
)
def test_a_server_that_can_not_be_verified_is_refused(
    server: TlsPostgres, host: str, mode: str, root: str
) -> None:
    """Waiting would not help: an operator has to mend it."""
    with pytest.raises(DatabaseMisconfigured, match="certificate verify failed"):
        ask(server.url(host, sslmode=mode, sslrootcert=server.folder / f"{root}.crt"))


def test_the_machines_own_authorities_can_be_trusted(
    server: TlsPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which this server's is one, or not."""
    url = server.url(sslrootcert="system")
    with pytest.raises(DatabaseMisconfigured, match="certificate verify failed"):
        ask(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.folder / "root.crt"))

    assert ask(url) is True


@pytest.mark.parametrize("key", ["key", "locked"])
def test_a_client_may_have_a_certificate(server: TlsPostgres, key: str) -> None:
    """And a key that is locked with a password."""
    query: dict[str, str | Path] = {
        "sslmode": "require",
        "sslcert": server.folder / "client.crt",
        "sslkey": server.folder / f"client.{key}",
        "sslpassword": PASSWORD.replace(" ", "%20"),
    }

    assert ask(server.url("localhost", "certified", **query)) is True


def test_a_client_without_its_certificate_is_not_let_in(server: TlsPostgres) -> None:
    """Which is no outage."""
    with pytest.raises(DatabaseMisconfigured, match="certificate"):
        ask(server.url(user="certified", sslmode="require"))


def test_a_server_without_tls_is_no_outage(steady_cluster: Cluster) -> None:
    """If TLS is asked for, it has to be set up."""
    with fault_proxy(steady_cluster.socket) as proxy:
        url = f"{steady_cluster.url('postgres', proxy.port)}?sslmode="
        assert ask(f"{url}prefer") is False
        with pytest.raises(DatabaseMisconfigured, match="rejected SSL upgrade"):
            ask(f"{url}require")


@pytest.mark.parametrize(
    ("query", "setting", "value"),
    [
        ("application_name=my%20calls", "application_name", "my calls"),
        ("fallback_application_name=calls", "application_name", "calls"),
        ("options=-c%20statement_timeout%3D1234", "statement_timeout", "1234ms"),
    ],
)
def test_sessions_have_the_settings_that_are_asked_for(
    server: TlsPostgres, query: str, setting: str, value: str
) -> None:
    """As the server itself says."""
    assert ask(f"{server.url()}{query}", f"SHOW {setting}") == value


def test_a_file_of_passwords_is_read(server: TlsPostgres, tmp_path: Path) -> None:
    """Its path may have any character."""
    file = tmp_path / "a b'$x%20"
    file.write_text("*:*:*:*:secret\n")
    file.chmod(0o600)

    assert ask(server.url(passfile=str(file).replace("%", "%25"))) is True
