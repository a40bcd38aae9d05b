"""Schema version: migration by Alembic, and the check at start."""

from asyncio import Task, create_task, shield
from importlib.resources import files
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app import lazy_imports
from app.store.database import Database
from app.store.error_classification import first_line, is_outage, sqlstate
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable, OutdatedSchema

UNDEFINED_TABLE = "42P01"  # a SQLSTATE


def _find_migrations() -> Path:
    """Return the folder of the migrations: inside the package when it is installed, else beside it."""
    package = Path(str(files("app")))
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


MIGRATIONS = _find_migrations()

# The revisions that this version knows, oldest first: each file begins with its own.
REVISIONS = sorted(file.name.partition("_")[0] for file in MIGRATIONS.glob("versions/*.py"))


def migrate(url: URL) -> None:
    """Bring the schema of *url* up to date; safe to run at once from several places, and again.

    A schema that is newer than this version is left alone. Raise `DatabaseUnavailable` in an outage and
    `DatabaseMisconfigured`, with what the database says, when it refuses.
    """
    alembic = lazy_imports.alembic()
    # No alembic.ini: it would be read in the machine's encoding, and is for developers.
    config = alembic.Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = url
    try:
        alembic.command.upgrade(config, "head")
    except (OSError, SQLAlchemyError) as error:
        if is_outage(error):
            raise DatabaseUnavailable("The database could not be migrated.") from error
        raise DatabaseMisconfigured(f"it could not be migrated: {first_line(error)}") from error


async def read_revision(database: Database) -> str | None:
    """Return the schema's Alembic revision, `None` for an empty database."""
    known = await database.fetch(text("SELECT to_regclass('alembic_version')"), "check")
    if known[0][0] is None:
        return None
    rows = await database.fetch(text("SELECT version_num FROM alembic_version"), "check")
    return str(rows[0][0]) if rows else None


async def check(database: Database) -> None:
    """Raise `OutdatedSchema`, with the command that mends it, unless the schema is this version's or newer.

    Migrations only add what the version before does without, so that both can serve during an upgrade.
    """
    present = await read_revision(database)
    *older, newest = REVISIONS
    if present is None or present in older:
        found = f"The database's schema is {present or 'empty'}, this version needs {newest}"
        raise OutdatedSchema(f"{found}: run `whisper migrate`.")
    try:
        await database.fetch(text("SELECT 1 FROM subscription, device LIMIT 0"), "check")
    except DBAPIError as error:
        if sqlstate(error) != UNDEFINED_TABLE:
            raise
        raise OutdatedSchema(
            f"The database's schema is {present}, but a table is missing: restore a backup."
        ) from error


class SharedCheck:
    """Schema check that all who ask at once share: anybody may ask, and each costs the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: Task[None] | None = None

    async def __call__(self) -> None:
        """Check as `check` does."""
        if self._running is None or self._running.done():
            self._running = create_task(check(self._database))
            # It is no mistake if nobody waits for its failure any more.
            self._running.add_done_callback(lambda task: task.cancelled() or task.exception())
        await shield(self._running)
