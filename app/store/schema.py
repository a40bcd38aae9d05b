"""The schema's version: brought up to date by Alembic, checked at start."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from app.protocol.errors import DatabaseUnavailable, OutdatedSchema
from app.store.database import Database, connected, first_line

_INI = Path(__file__).parents[2] / "alembic.ini"


def migrate(url: URL) -> None:
    """Bring the schema of *url* up to date; safe to run at once from several places, and again.

    A schema that is newer than this version is left alone. Raise `DatabaseUnavailable`, with what the
    database says, when it can't be done.
    """
    config = Config(str(_INI))
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
    if present is None or present in _older():
        found = f"The database's schema is {present or 'empty'}, this version needs {_newest()}"
        raise OutdatedSchema(f"{found}: run `whisper migrate`.")
    await database.fetch(text("SELECT 1 FROM subscription LIMIT 0"), "check")


async def _is_newer(url: URL) -> bool:
    async with connected(url) as database:
        return await database.revision() not in {None, _newest(), *_older()}


def _newest() -> str | None:
    return _script().get_current_head()


def _older() -> set[str]:
    return {revision.revision for revision in _script().walk_revisions()} - set(_script().get_heads())


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(Config(str(_INI)))
