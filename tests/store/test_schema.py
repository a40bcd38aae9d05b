"""Schema version, and how it comes to be."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, inspect, text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from app.store import schema
from app.store.errors import DatabaseMisconfigured, OutdatedSchema
from tests.databases import open_database
from tests.processes import program

pytestmark = pytest.mark.anyio


async def _execute(url: URL, statement: str) -> None:
    async with open_database(url) as database:
        await database.fetch(text(statement))


async def _check(url: URL) -> None:
    async with open_database(url) as database:
        await schema.check(database)


def test_each_migration_is_named_by_its_revision() -> None:
    """What the server knows without Alembic is what Alembic knows, in its order."""
    script = ScriptDirectory.from_config(Config(str(Path(__file__).parents[2] / "alembic.ini")))
    revisions = [revision.revision for revision in script.walk_revisions()]

    assert [*reversed(revisions)] == schema.REVISIONS


def test_an_empty_database_is_outdated(empty: URL) -> None:
    """The refusal names the command that mends it."""
    with pytest.raises(OutdatedSchema, match="whisper migrate"):
        asyncio.run(_check(empty))


def test_a_migrated_database_is_up_to_date(empty: URL) -> None:
    """After a migration the check passes."""
    schema.migrate(empty)

    asyncio.run(_check(empty))


def test_a_second_migration_changes_nothing(empty: URL) -> None:
    """Migrating again is safe."""
    schema.migrate(empty)
    schema.migrate(empty)

    asyncio.run(_check(empty))


def test_a_newer_schema_is_served(empty: URL) -> None:
    """While an upgrade is under way, the version before goes on."""
    schema.migrate(empty)
    asyncio.run(_execute(empty, "UPDATE alembic_version SET version_num = 'from the future'"))

    asyncio.run(_check(empty))


def test_a_newer_schema_is_not_touched(empty: URL) -> None:
    """Who goes back a version is not stopped by a migration that is not known."""
    schema.migrate(empty)
    asyncio.run(_execute(empty, "UPDATE alembic_version SET version_num = 'from the future'"))

    schema.migrate(empty)

    asyncio.run(_check(empty))


@pytest.mark.parametrize("table", ["subscription", "device"])
def test_a_table_that_is_not_there_is_noticed(empty: URL, table: str) -> None:
    """A version alone does not make a database ready."""
    schema.migrate(empty)
    asyncio.run(_execute(empty, f"DROP TABLE {table}"))

    with pytest.raises(OutdatedSchema, match="a table is missing"):
        asyncio.run(_check(empty))


@pytest.mark.parametrize("name", ["subscription", "device"])
def test_the_migrations_make_the_tables_that_the_code_uses(empty: URL, name: str) -> None:
    """Columns, indexes and checks of the database are those of the models."""
    schema.migrate(empty)

    made = asyncio.run(_shape(empty, name))

    table = SQLModel.metadata.tables[name]
    assert made["columns"] == {(column.name, column.nullable) for column in table.columns}
    assert made["indexes"] == {index.name for index in table.indexes}
    assert made["checks"] == {
        constraint.name for constraint in table.constraints if isinstance(constraint, CheckConstraint)
    }
    assert made["key"] == {tuple(column.name for column in table.primary_key)}


async def _shape(url: URL, table: str) -> dict[str, set[object]]:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        shape = await connection.run_sync(_inspect, table)
    await engine.dispose()
    return shape


def _inspect(connection: Connection, table: str) -> dict[str, set[object]]:
    found = inspect(connection)
    return {
        "columns": {(column["name"], column["nullable"]) for column in found.get_columns(table)},
        "indexes": {index["name"] for index in found.get_indexes(table)},
        "checks": {check["name"] for check in found.get_check_constraints(table)},
        "key": {tuple(found.get_pk_constraint(table)["constrained_columns"])},
    }


def test_a_migration_that_is_not_allowed_says_why(empty: URL) -> None:
    """The database's own words, in one line."""
    role = f"guest_{token_hex(4)}"
    asyncio.run(_execute(empty, f"CREATE ROLE {role} LOGIN"))
    try:
        with pytest.raises(DatabaseMisconfigured, match=r"could not be migrated: .*permission denied"):
            schema.migrate(empty.set(username=role))
    finally:
        asyncio.run(_execute(empty, f"DROP ROLE {role}"))


# What the version before says: it goes on serving while the schema is brought up to date, and after.
BEFORE = (
    "INSERT INTO subscription (address, endpoint, p256dh, auth, expires_at, signed_at) "
    "VALUES (decode(repeat('0{0}', 32), 'hex'), 'https://x.org/{0}', '\\x00', '\\x00', 1, NULL) "
    "ON CONFLICT (address) DO UPDATE SET endpoint = excluded.endpoint, p256dh = excluded.p256dh, "
    "auth = excluded.auth, expires_at = excluded.expires_at, signed_at = excluded.signed_at"
)
FORGET_BEFORE = (
    "INSERT INTO subscription (address, endpoint, p256dh, auth, expires_at, signed_at) "
    "VALUES (decode(repeat('01', 32), 'hex'), NULL, NULL, NULL, NULL, 2) "
    "ON CONFLICT (address) DO UPDATE SET endpoint = excluded.endpoint, p256dh = excluded.p256dh, "
    "auth = excluded.auth, expires_at = excluded.expires_at, signed_at = excluded.signed_at"
)


async def _count(url: URL) -> int:
    async with open_database(url) as database:
        return int((await database.fetch(text("SELECT count(*) FROM subscription")))[0][0])


def test_the_version_before_serves_on_the_newest_schema(empty: URL) -> None:
    """Its rows stay, and its statements work."""
    _alembic(empty, "upgrade", "0001")
    asyncio.run(_execute(empty, BEFORE.format(1)))
    schema.migrate(empty)
    for statement in (BEFORE.format(2), BEFORE.format(1), FORGET_BEFORE):
        asyncio.run(_execute(empty, statement))

    assert asyncio.run(_count(empty)) == 2


def test_who_may_serve_may_serve_with_the_newest_schema(empty: URL) -> None:
    """A role that writes to the table that is there may write to the new one, whatever its name."""
    role = f"Serving {token_hex(4)}"
    _alembic(empty, "upgrade", "0002")
    asyncio.run(_execute(empty, f'CREATE ROLE "{role}" LOGIN'))
    asyncio.run(_execute(empty, f'GRANT SELECT, INSERT, UPDATE, DELETE ON subscription TO "{role}"'))
    schema.migrate(empty)
    try:
        asyncio.run(_execute(empty.set(username=role), "DELETE FROM device"))
    finally:
        asyncio.run(_execute(empty, f'DROP OWNED BY "{role}"'))
        asyncio.run(_execute(empty, f'DROP ROLE "{role}"'))


def test_several_may_migrate_at_once(empty: URL) -> None:
    """One does it, the others wait and find it done."""
    _alembic(empty, "upgrade", "0001")
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda _: _alembic(empty, "upgrade", "head"), range(3)))

    asyncio.run(_check(empty))


def test_a_migration_can_be_taken_back(empty: URL) -> None:
    """As far as it has added anything."""
    schema.migrate(empty)
    _alembic(empty, "downgrade", "0001")
    schema.migrate(empty)

    asyncio.run(_check(empty))


def _alembic(url: URL, *arguments: str) -> None:
    env = {"WHISPER_DATABASE_URL": url.render_as_string(hide_password=False)}
    with program(sys.executable, "-m", "alembic", *arguments, env=env) as running:
        assert running.ended() == 0, running.output
