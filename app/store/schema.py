"""The schema's version: brought up to date by Alembic, checked at start."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from app.protocol.errors import DatabaseUnavailable, OutdatedSchema
from app.store.database import Database, first_line

_INI = Path(__file__).parents[2] / "alembic.ini"


def migrate(url: URL) -> None:
    """Bring the schema of *url* up to date; safe to run at once from several places, and again.

    Raise `DatabaseUnavailable`, with what the database says, when that can't be done.
    """
    config = Config(str(_INI))
    config.attributes["url"] = url
    try:
        command.upgrade(config, "head")
    except (OSError, SQLAlchemyError) as error:
        raise DatabaseUnavailable(f"The database could not be migrated: {first_line(error)}") from error


async def check(database: Database) -> None:
    """Raise `OutdatedSchema`, with the command that mends it, unless the schema is this version's or newer.

    Migrations only add what the version before does without, so that both can serve during an upgrade.
    """
    script = ScriptDirectory.from_config(Config(str(_INI)))
    older = {revision.revision for revision in script.walk_revisions()} - set(script.get_heads())
    present = await database.revision()
    if present is None or present in older:
        raise OutdatedSchema(
            f"The database's schema is {present or 'empty'}, this version needs {script.get_current_head()}: "
            "run `whisper migrate`."
        )
