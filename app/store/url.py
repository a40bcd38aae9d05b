"""Database URLs as libpq and hosting services write them, and what the driver is told for them."""

import getpass
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from app.protocol.subscription import MAX_PORT

KEPT_STATEMENTS = "prepared_statement_cache_size"
SYSTEM = "system"  # as sslrootcert: the certificate authorities that this machine trusts

_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

# Parameters of libpq (https://www.postgresql.org/docs/current/libpq-connect.html) that have a few values. Of
# those the ones that ask for what can't be done are left out, so that they are refused.
_CHOICES = {
    "channel_binding": ("disable", "prefer", "require"),  # many hosts write it; TLS is then required, too
    "client_encoding": ("auto", "utf8", "UTF8"),
    "gssencmode": ("disable", "prefer"),
    "keepalives": ("0", "1"),
    "load_balance_hosts": ("disable",),
    "pgbouncer": ("false", "true"),
    "ssl_max_protocol_version": _VERSIONS,
    "ssl_min_protocol_version": _VERSIONS,
    "sslcompression": ("0",),
    "sslmode": _MODES,
    "sslnegotiation": ("direct", "postgres"),
    "sslsni": ("1",),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
_NUMBERS = {
    "connect_timeout",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    KEPT_STATEMENTS,
    "tcp_user_timeout",
}
_FILES = {"passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert"}
_TEXTS = {"application_name", "fallback_application_name", "host", "options", "port", "sslpassword"}
_KNOWN = _CHOICES.keys() | _NUMBERS | _FILES | _TEXTS

# What SQLAlchemy reads; the driver gets the rest by `split_url`, but for what changes nothing here: deadlines
# of ours notice a lost connection sooner than a keepalive would, and bound the wait for a new one.
_FOR_SQLALCHEMY = {"host", "port", KEPT_STATEMENTS}
_FOR_TLS = {name for name in _KNOWN if name.startswith("ssl")} - {"sslcompression", "sslsni"}

_SEVERAL_HOSTS = re.compile(r"(\w+://(?:[^@/?]*@)?)([^/?,@]+(?:,[^/?,@]+)+)(/[^?]*)?(\?.*)?")


class InvalidDatabaseUrl(ValueError):
    """The text is not the URL of a Postgres database."""


def parse_url(text: str) -> URL:
    """Take a URL as libpq and hosting services write it. Raise `InvalidDatabaseUrl` if it can't be used.

    `postgres://` and `postgresql://` are the same, and so are `ssl` and `sslmode`. `pgbouncer=true` prepares
    no statement for longer than it runs. Every parameter has a value that is kept to, and every file that is
    named can be read.
    """
    text = _name_hosts_in_query(text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise InvalidDatabaseUrl("not a URL like postgresql://user:password@host:5432/name") from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+asyncpg"):
        raise InvalidDatabaseUrl("not a Postgres URL: it must begin with postgresql://")
    if url.port is not None and url.port > MAX_PORT:
        raise InvalidDatabaseUrl("its port does not exist")
    for name, written in parse_qsl(urlsplit(text).query, keep_blank_values=True):
        if not written:  # SQLAlchemy leaves it out, without a word
            raise InvalidDatabaseUrl(
                f"its {name} is empty" if name in _KNOWN else "a parameter of it is empty"
            )
    query = {("sslmode" if name == "ssl" else name): value for name, value in url.query.items()}
    parts = {name: str(query.pop(name)) for name in ("dbname", "password", "user") if name in query}
    for name, value in query.items():
        _check_parameter(name, value)
    if query.pop("pgbouncer", "false") == "true":
        query[KEPT_STATEMENTS] = "0"
    _check_tls({name: str(value) for name, value in query.items()})
    _check_hosts(query.get("host", ""), query.get("port", ""))
    _check_user(parts.get("user") or url.username)
    return url.set(
        drivername="postgresql+asyncpg",
        username=parts.get("user"),
        password=parts.get("password"),
        database=parts.get("dbname"),
        query=query,
    )


def _name_hosts_in_query(text: str) -> str:
    """Write `//a:1,b:2/` as `///?host=a:1&host=b:2`, as SQLAlchemy has several hosts."""
    found = _SEVERAL_HOSTS.fullmatch(text)
    if not found:
        return text
    begin, hosts, path, query = found.groups(default="")
    named = "&".join(f"host={host if ':' in host else f'{host}:5432'}" for host in hosts.split(","))
    return f"{begin}{path or '/'}?{named}{query.replace('?', '&', 1)}"


def split_url(url: URL) -> tuple[URL, dict[str, Any]]:
    """Return what SQLAlchemy takes of *url*, which `parse_url` made, and the arguments of the driver."""
    query = {name: str(value) for name, value in url.query.items() if name not in _FOR_SQLALCHEMY}
    arguments: dict[str, Any] = {
        name: query[name] for name in ("passfile", "target_session_attrs") if name in query
    }
    name = query.get("application_name") or query.get("fallback_application_name")
    settings = {"application_name": name, "options": query.get("options")}
    if set(settings.values()) != {None}:
        arguments["server_settings"] = {key: value for key, value in settings.items() if value is not None}
    if query.get("sslrootcert") == SYSTEM:
        arguments["ssl"] = _system_context(query)
    elif tls := {name: value for name, value in query.items() if name in _FOR_TLS}:
        arguments["dsn"] = f"postgresql://?{urlencode(tls)}"  # the driver's only way to take them
    return url.difference_update_query(set(url.query) - _FOR_SQLALCHEMY), arguments


def _check_parameter(name: str, value: str | tuple[str, ...]) -> None:
    if name not in _KNOWN:
        raise InvalidDatabaseUrl(f"a parameter of it is not known; these are: {', '.join(sorted(_KNOWN))}")
    if not isinstance(value, str):
        if name not in {"host", "port"}:
            raise InvalidDatabaseUrl(f"its {name} is given twice")
    elif name in _CHOICES and value not in _CHOICES[name]:
        raise InvalidDatabaseUrl(f"its {name} must be one of: {', '.join(_CHOICES[name])}")
    elif name in _NUMBERS and not (value.isascii() and value.isdecimal()):
        raise InvalidDatabaseUrl(f"its {name} must be a number")
    elif name == "passfile" and not os.access(value, os.R_OK):
        raise InvalidDatabaseUrl(f"its {name} can't be read")


def _check_hosts(hosts: str | tuple[str, ...], ports: str | tuple[str, ...]) -> None:
    """Refuse several hosts in another form than SQLAlchemy takes: with a port each, or a list of both."""
    if isinstance(hosts, tuple):
        matches = all(":" in host for host in hosts)
    else:
        number = hosts.count(",")
        matches = number == 0 or (isinstance(ports, str) and ports.count(",") == number and ":" not in hosts)
    if not matches:
        raise InvalidDatabaseUrl(
            "its hosts and ports do not match: write several as ?host=a:5432&host=b:5432"
        )


def _check_user(named: str | None) -> None:
    """Refuse to leave out a user who can't be found out, as in a container with any uid."""
    if named or "PGUSER" in os.environ:
        return
    try:
        getpass.getuser()
    except (KeyError, OSError):
        raise InvalidDatabaseUrl("it names no user, and ours has no name here: write user@host") from None


def _check_tls(query: Mapping[str, str]) -> None:
    """Read what is named, so that it is told at start, and not by every connection."""
    root, mode = query.get("sslrootcert"), query.get("sslmode")
    if root == SYSTEM and mode not in {None, "verify-full"}:
        raise InvalidDatabaseUrl("its sslrootcert=system needs sslmode=verify-full")
    if root is None and mode in {"verify-ca", "verify-full"} and not _has_default_root():
        raise InvalidDatabaseUrl(f"its sslmode={mode} needs sslrootcert: a file, or system")
    if query.get("sslnegotiation") == "direct" and mode not in {"require", "verify-ca", "verify-full"}:
        raise InvalidDatabaseUrl("its sslnegotiation=direct needs sslmode=require or stricter")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in ("sslrootcert", "sslcrl"):
        if query.get(name, SYSTEM) != SYSTEM:
            try:
                context.load_verify_locations(query[name])
            except OSError as error:
                raise InvalidDatabaseUrl(f"its {name} can't be used: {_reason(error)}") from None
    if "sslkey" in query and "sslcert" not in query:
        raise InvalidDatabaseUrl("its sslkey needs sslcert")
    try:
        _load_client_certificate(context, query)
    except OSError as error:
        raise InvalidDatabaseUrl(f"its sslcert or sslkey can't be used: {_reason(error)}") from None


def _has_default_root() -> bool:
    return "PGSSLROOTCERT" in os.environ or Path("~/.postgresql/root.crt").expanduser().exists()


def _system_context(query: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if "sslcrl" in query:
        context.load_verify_locations(query["sslcrl"])
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    _load_client_certificate(context, query)
    return context


def _load_client_certificate(context: ssl.SSLContext, query: Mapping[str, str]) -> None:
    if "sslcert" in query:
        password = query.get("sslpassword", "")
        context.load_cert_chain(query["sslcert"], query.get("sslkey"), lambda: password)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
