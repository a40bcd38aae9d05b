"""The `whisper` command: serve · health · migrate · purge · vapid · doctor."""

import argparse
import asyncio
import logging
import logging.config
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from app import vapid_command
from app.clocks import monotonic_clock, server_clock
from app.doctor.report import examine
from app.embedded_postgres.lifecycle import run_embedded_postgres
from app.server.health_probe import Unhealthy, check_health
from app.server.process import exit_on_signals, prepare_process
from app.server.supervisor import serve
from app.settings import PREFIX, InvalidSettings, Settings, load
from app.store import schema
from app.store.database import log_statement, open_database
from app.store.error_classification import first_line
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable, OutdatedSchema
from app.store.purge import purge
from app.store.url import parse_url
from app.telemetry.log_format import log_config

log = logging.getLogger("whisper")

Options = argparse.Namespace


# Each is one line for an operator.
_FAULTS = (InvalidSettings, Unhealthy, OutdatedSchema, DatabaseMisconfigured, DatabaseUnavailable)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    prepare_process()
    options = _parser().parse_args(arguments)
    given = {name: value for name, value in vars(options).items() if name in Settings.model_fields}
    try:
        settings = load(**{name: value for name, value in given.items() if value is not None})
        logging.config.dictConfig(log_config(settings.log_level, settings.log_format))
        status: int = options.run(settings, options)
    except _FAULTS as fault:
        print(f"whisper: {_describe(fault)}", file=sys.stderr)
        return 1
    return status


def _describe(fault: Exception) -> str:
    if isinstance(fault, DatabaseMisconfigured):
        return f"{PREFIX}DATABASE_URL: {fault}."
    if isinstance(fault, DatabaseUnavailable) and fault.__cause__:
        return f"{fault} {PREFIX}DATABASE_URL: {first_line(fault.__cause__)}."
    return str(fault)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="whisper", description="WebRTC signaling by Web Push.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    server = commands.add_parser("serve", help="serve the HTTP API")
    server.add_argument("--host", help=f"address to listen on ({PREFIX}HOST)")
    server.add_argument("--port", type=int, help=f"port to listen on ({PREFIX}PORT)")
    server.add_argument("--workers", type=int, help=f"processes that share the port ({PREFIX}WORKERS)")
    server.set_defaults(run=_serve)
    health = commands.add_parser("health", help="ask the server of these settings whether it is alive")
    health.set_defaults(run=_health)
    migrate = commands.add_parser("migrate", help="bring the database's schema up to date")
    migrate.set_defaults(run=_migrate)
    purge = commands.add_parser("purge", help="delete expired registrations now; servers do it every hour")
    purge.set_defaults(run=_purge)
    vapid = commands.add_parser("vapid", help="print a new VAPID key pair for .env")
    how = vapid.add_mutually_exclusive_group()
    how.add_argument(
        "--rotate", action="store_true", help="put a new key before those in use, which go on serving"
    )
    how.add_argument(
        "--keep",
        action="store_true",
        help=f"keep it in {PREFIX}DATA_DIR, where serve finds it, unless one is there",
    )
    how.add_argument(
        "--write", type=Path, metavar="FILE", help="add it to a file like .env, which only you can read then"
    )
    vapid.set_defaults(run=_vapid)
    check = commands.add_parser("doctor", help="check what a server needs, and say what to mend")
    check.set_defaults(run=_doctor)
    return parser


def _serve(settings: Settings, _: Options) -> int:
    exit_on_signals()
    with _prepare_serving(settings) as prepared:
        # Workers are processes of their own: what was prepared reaches them as settings do.
        os.environ.update(prepared)
        return serve(settings)


def _health(settings: Settings, _: Options) -> int:
    check_health(settings.host, settings.port)
    print("The server is alive.")
    return 0


def _migrate(settings: Settings, _: Options) -> int:
    schema.migrate(parse_url(settings.require_database_url()))
    print("The schema is up to date.")
    return 0


def _purge(settings: Settings, _: Options) -> int:
    with _database_url(settings) as url:
        purged = asyncio.run(_purge_once(url))
    if purged is None:
        print("A server is purging just now.")
    else:
        print(f"Purged {purged} expired registrations.")
    return 0


async def _purge_once(url: str) -> int | None:
    async with open_database(parse_url(url), log_statement, monotonic_clock) as database:
        return await purge(database, server_clock)


def _vapid(settings: Settings, options: Options) -> int:
    if options.write:
        vapid_command.write_key(options.write)
        return 0
    return vapid_command.run_vapid_command(settings, keep=options.keep, rotate=options.rotate)


def _doctor(settings: Settings, _: Options) -> int:
    with _database_url(settings) as url:
        return asyncio.run(examine(settings, url))


@contextmanager
def _prepare_serving(settings: Settings) -> Iterator[dict[str, str]]:
    """Yield the variables a worker needs beside the operator's, once everything is fit to serve."""
    with _database_url(settings) as url:
        prepared = {"database_url": url, **vapid_command.fill_defaults(settings)}
        _check_all(load(**prepared), None if settings.database_url is None else url)
        if settings.database_url is None:
            schema.migrate(parse_url(url))
        yield {f"{PREFIX}{name.upper()}": value for name, value in prepared.items()}


@contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with run_embedded_postgres(settings.data_dir) as url:
        yield url


def _check_all(settings: Settings, url: str | None) -> None:
    """Raise `InvalidSettings` with everything that is missing; *url* is the operator's database."""
    faults: list[str] = []
    for check in (settings.require_vapid, settings.require_web_app, partial(_require_schema, url)):
        try:
            check()
        except (InvalidSettings, OutdatedSchema) as fault:
            faults.append(str(fault))
    if len(faults) > 1:
        faults.append("`whisper doctor` checks all that a server needs.")
    if faults:
        raise InvalidSettings("\n".join(faults))


def _require_schema(url: str | None) -> None:
    if url is not None:
        asyncio.run(_check_schema(url))


async def _check_schema(url: str) -> None:
    async with open_database(parse_url(url), log_statement, monotonic_clock) as database:
        try:
            await schema.check(database)
        except DatabaseUnavailable:
            log.warning("the database is unavailable; /readyz will say when it is back")


if __name__ == "__main__":
    sys.exit(main())
