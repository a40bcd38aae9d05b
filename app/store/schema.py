"""The schema's version: brought up to date by Alembic, checked at start."""

import asyncio
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from app.store.database import Database, first_line, open_database
from app.store.errors import DatabaseUnavailable, OutdatedSchema

_PROJECT = Path(__file__).parents[2]

# The revisions that this version knows, oldest first: each file begins with its own.
REVISIONS = sorted(file.name.partition("_")[0] for file in _PROJECT.glob("migrations/versions/*.py"))


def migrate(url: URL) -> None:
    """Bring the schema of *url* up to date; safe to run at once from several places, and again.

    A schema that is newer than this version is left alone. Raise `DatabaseUnavailable`, with what the
    database says, when it can't be done.
    """
    from alembic import command  # noqa: PLC0415 - 10 MB that nobody needs who only serves
    from alembic.config import Config  # noqa: PLC0415

    config = Config(str(_PROJECT / "alembic.ini"))
    config.attributes["url"] = url
    try:
        if not asyncio.run(_is_newer(url)):
            command.upgrade(config, "head")
    except (OSError, SQLAlchemyError) as error:
        raise DatabaseUnavailable(f"The database could not be migrated: {first_line(error)}") from error


async def check(database: Database) -> None:
    """Raise `OutdatedSchema`, with the command that mends it, unless the schema is this version's or newer.

    Migrations only add what the version before does without, so that both can serve during an upgrade.
    """
    present = await database.revision()
    *older, newest = REVISIONS
    if present is None or present in older:
        found = f"The database's schema is {present or 'empty'}, this version needs {newest}"
        raise OutdatedSchema(f"{found}: run `whisper migrate`.")
    await database.fetch(text("SELECT 1 FROM subscription LIMIT 0"), "check")


async def _is_newer(url: URL) -> bool:
    async with open_database(url) as database:
        return await database.revision() not in {None, *REVISIONS}
