"""Database URLs as libpq takes them: every parameter is kept to, or refused in one line."""

import os
import subprocess
import sys

import pytest

from app.store.url import InvalidDatabaseUrl, parse_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_spelling_of_postgres_is_taken(scheme: str) -> None:
    """Hosting services write the scheme in several ways."""
    url = parse_url(f"{scheme}://me:secret@db.example.org/calls")

    assert url.drivername == "postgresql+asyncpg"


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=require&channel_binding=require&connect_timeout=5",
        "sslmode=verify-full&sslrootcert=system",
        "sslrootcert=system",
        "ssl=require",
        "keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3&tcp_user_timeout=9000",
        "gssencmode=disable&client_encoding=utf8&sslsni=1&sslcompression=0&load_balance_hosts=disable",
        "target_session_attrs=read-write&application_name=whisper&options=-c%20jit%3Doff",
        "host=a:5432&host=b:5432&target_session_attrs=primary",
        "host=a,b&port=5432,5433&target_session_attrs=read-write",
        "ssl_min_protocol_version=TLSv1.3&sslnegotiation=direct&sslmode=require",
    ],
)
def test_what_libpq_and_hosting_services_write_is_taken(query: str) -> None:
    """Each of these is in somebody's URL."""
    assert parse_url(f"postgres://db/calls?{query}")


@pytest.mark.parametrize(("said", "kept"), [("true", {"prepared_statement_cache_size": "0"}), ("false", {})])
def test_a_pooler_is_told_of_as_hosting_services_do(said: str, kept: dict[str, str]) -> None:
    """`pgbouncer=true` is in the URLs that they hand out."""
    assert parse_url(f"postgres://db/calls?pgbouncer={said}").query == kept


def test_who_connects_to_what_may_be_in_the_query() -> None:
    """As libpq allows."""
    url = parse_url("postgresql:///?host=db&user=me&password=secret&dbname=calls")

    assert (url.username, url.password, url.database) == ("me", "secret", "calls")


def test_several_hosts_are_written_as_libpq_has_them() -> None:
    """A primary and the standbys that may take its place."""
    url = parse_url("postgresql://me:secret@a:6432,b/calls?sslmode=require")

    assert (url.host, url.database, url.password) == (None, "calls", "secret")
    assert url.query == {"host": ("a:6432", "b:5432"), "sslmode": "require"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("host=a,b", "hosts and ports"),
        ("host=a:5432,b:5432", "hosts and ports"),
        ("host=a,b&port=5432", "hosts and ports"),
        ("ssl=true", "sslmode"),
        ("ssl=1", "sslmode"),
        ("sslmode=no-verify", "sslmode"),
        ("sslmode=", "sslmode"),
        ("sslmode=REQUIRE", "sslmode"),
        ("sslmode=require&sslmode=disable", "sslmode"),
        ("sslmode=verify-full", "sslrootcert"),
        ("sslmode=require&sslrootcert=system", "verify-full"),
        ("sslrootcert=/nowhere/root.crt", "sslrootcert can't be used: No such file"),
        ("sslrootcert=/etc/hostname", "sslrootcert can't be used"),
        ("sslcrl=/nowhere/root.crl", "sslcrl"),
        ("sslcert=/nowhere/client.crt", "sslcert"),
        ("sslkey=/nowhere/client.key", "sslcert"),
        ("passfile=/nowhere/pgpass", "passfile"),
        ("gssencmode=require", "gssencmode"),
        ("channel_binding=sometimes", "channel_binding"),
        ("connect_timeout=soon", "connect_timeout"),
        ("keepalives_idle=-1", "keepalives_idle"),
        ("prepared_statement_cache_size=x", "prepared_statement_cache_size"),
        ("pgbouncer=1", "pgbouncer"),
        ("target_session_attrs=master", "target_session_attrs"),
        ("ssl_min_protocol_version=SSLv3", "ssl_min_protocol_version"),
        ("sslnegotiation=direct", "sslmode"),
        ("load_balance_hosts=random", "load_balance_hosts"),
        ("require_auth=none", "not known"),
        ("schema=calls", "not known"),
    ],
)
def test_what_can_not_be_kept_is_refused(query: str, names: str) -> None:
    """Better no start than a connection that is not what was asked for; the line names the parameter."""
    with pytest.raises(InvalidDatabaseUrl, match=names) as refused:
        parse_url(f"postgres://db/calls?{query}")

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "calls", "mysql://db/calls", "http://db", "postgres://db:99999/calls"])
def test_another_url_is_refused(text: str) -> None:
    """What is not a Postgres URL is said to be none."""
    with pytest.raises(InvalidDatabaseUrl):
        parse_url(text)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("who", "said"), [("", "it names no user"), ("me@", "")], ids=["nobody", "somebody"])
def test_a_user_without_a_name_must_be_named(who: str, said: str) -> None:
    """A container may run as any number; the driver would look its name up, and find none."""
    code = f"""
import os, pwd
from app.store.url import InvalidDatabaseUrl, parse_url
os.setuid(54321)
try:
    parse_url("postgresql://{who}db/calls")
except InvalidDatabaseUrl as fault:
    print(fault)
"""
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)

    assert done.stdout.startswith(said)
    assert (done.returncode, bool(done.stdout)) == (0, bool(said)), done.stderr
