"""Database URLs as libpq and hosting services write them."""

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from app.protocol.subscription import MAX_PORT


class InvalidDatabaseUrl(ValueError):
    """The text is not the URL of a Postgres database."""


def parse_url(text: str) -> URL:
    """Take a URL as libpq and hosting services write it. Raise `InvalidDatabaseUrl` if it can't be used.

    `postgres://` and `postgresql://` are the same; `sslmode` becomes `ssl`, which asyncpg reads;
    `pgbouncer=true` prepares no statement for longer than it runs. Parameters that ask for what is done
    anyway, or change nothing here, are left out.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise InvalidDatabaseUrl("not a URL like postgresql://user:password@host:5432/name") from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+asyncpg"):
        raise InvalidDatabaseUrl("not a Postgres URL: it must begin with postgresql://")
    if url.port is not None and url.port > MAX_PORT:
        raise InvalidDatabaseUrl("its port does not exist")
    query = {("ssl" if name == "sslmode" else name): value for name, value in url.query.items()}
    if query.keys() - _PARAMETERS - _NEEDLESS:
        known = ", ".join(sorted(_PARAMETERS))
        raise InvalidDatabaseUrl(f"a parameter of it is not known; these are: {known}")
    kept = {name: value for name, value in query.items() if name in _PARAMETERS}
    if kept.pop("pgbouncer", "false") != "false":
        kept[KEPT_STATEMENTS] = "0"
    return url.set(drivername="postgresql+asyncpg", query=kept)


KEPT_STATEMENTS = "prepared_statement_cache_size"
_PARAMETERS = {"host", "port", "ssl", "target_session_attrs", "pgbouncer", KEPT_STATEMENTS}
_NEEDLESS = {"application_name", "channel_binding", "connect_timeout", "gssencmode"}
