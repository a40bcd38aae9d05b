"""Classification of database errors: outages are a list; all else is our fault, or an operator's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from app.store.database import Database
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable
from app.store.url import parse_url
from tests.databases import open_database
from tests.faults.harness.cluster import Cluster, cluster
from tests.people import Person

pytestmark = pytest.mark.anyio

Ask = Callable[[Database, str], Awaitable[Sequence[Any]]]


async def fetch(database: Database, statement: str) -> Sequence[Any]:
    """Ask through SQLAlchemy."""
    return await database.fetch(text(statement))


async def look_up(database: Database, statement: str) -> Sequence[Any]:
    """Ask the driver."""
    return await database.execute(statement, name="test")


@pytest.fixture(params=[fetch, look_up])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Return one of the two ways to ask."""
    asked: Ask = request.param
    return asked


@asynccontextmanager
async def role(database: Database, rights: str) -> AsyncIterator[str]:
    """Make a role with *rights* for the block."""
    name = f"guest_{token_hex(4)}"
    await database.fetch(text(f"CREATE ROLE {name} LOGIN {rights}"))
    try:
        yield name
    finally:
        await database.fetch(text(f"DROP ROLE {name}"))


async def sessions(database: Database) -> Sequence[Any]:
    """Return the process of Postgres behind the pool's connection."""
    return [tuple(row) for row in await database.fetch(text("SELECT pg_backend_pid()"))]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(1)",
    ],
    ids=["terminated", "cancelled"],
)
async def test_an_operator_who_ends_it_is_an_outage(migrated: URL, ask: Ask, statement: str) -> None:
    """A second try ended in the same way."""
    async with open_database(migrated) as database:
        with pytest.raises(DatabaseUnavailable):
            await ask(database, statement)

        assert len(await ask(database, "SELECT 1")) == 1


@pytest.mark.parametrize(
    ("setting", "statement"),
    [
        ("statement_timeout = '50ms'", "SELECT pg_sleep(1)"),
        ("default_transaction_read_only = on", "CREATE TABLE written ()"),
        ("lock_timeout = '50ms'", "SELECT pg_advisory_lock(1)"),
    ],
    ids=["a statement's deadline", "read-only", "a lock's deadline"],
)
async def test_a_server_that_does_not_do_it_now_is_an_outage(
    empty: URL, ask: Ask, setting: str, statement: str
) -> None:
    """As set by whoever runs the database."""
    async with open_database(empty) as other:
        await other.fetch(text("SELECT pg_advisory_lock(1)"))
        await other.fetch(text(f"ALTER DATABASE empty SET {setting}"))
        async with open_database(empty) as database:
            with pytest.raises(DatabaseUnavailable):
                await ask(database, statement)


@pytest.mark.parametrize("code", ["08006", "40001", "40P01", "53100", "53200", "57P02", "57P03"])
async def test_what_postgres_says_of_itself_is_an_outage(database: Database, code: str) -> None:
    """Lost, rolled back, a full disk, no memory, crashed, starting up."""
    with pytest.raises(DatabaseUnavailable):
        await database.fetch(text(f"DO $$ BEGIN RAISE SQLSTATE '{code}'; END $$"))


async def test_too_many_connections_are_an_outage(migrated: URL, database: Database, ask: Ask) -> None:
    """Others have them all."""
    async with (
        role(database, "CONNECTION LIMIT 0") as name,
        open_database(migrated.set(username=name)) as crowded,
    ):
        with pytest.raises(DatabaseUnavailable):
            await ask(crowded, "SELECT 1")


@pytest.mark.parametrize(
    "place", ["127.0.0.1:1/calls", "nowhere.invalid/calls", "/calls?host=/nowhere"], ids=str
)
async def test_a_server_that_is_not_there_is_an_outage(ask: Ask, place: str) -> None:
    """Refused, no address, no socket."""
    async with open_database(parse_url(f"postgresql://{place}")) as away:
        with pytest.raises(DatabaseUnavailable):
            await ask(away, "SELECT 1")


async def test_no_primary_among_the_hosts_is_an_outage(migrated: URL, ask: Ask) -> None:
    """A failover is under way."""
    asked = migrated.update_query_dict({"target_session_attrs": "standby"})
    async with open_database(asked) as database:
        with pytest.raises(DatabaseUnavailable):
            await ask(database, "SELECT 1")


@pytest.fixture(scope="module")
def mortal() -> Iterator[Cluster]:
    """Run a Postgres that is stopped and started."""
    with cluster() as running:
        yield running


@pytest.mark.parametrize("end", [Cluster.stop, Cluster.kill])
async def test_a_restart_is_an_outage_while_it_lasts(
    mortal: Cluster, ask: Ask, end: Callable[[Cluster], None]
) -> None:
    """Nothing of it is left when it is over."""
    async with open_database(parse_url(mortal.url("postgres"))) as database:
        await asyncio.gather(*(ask(database, "SELECT pg_sleep(0.05)") for _ in range(3)))
        await asyncio.to_thread(end, mortal)
        with pytest.raises(DatabaseUnavailable):
            await ask(database, "SELECT 1")
        await asyncio.to_thread(mortal.start)

        assert len(await ask(database, "SELECT 1")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELEKT 1",
        "SELECT 1 / 0",
        "SELECT 'a'::int",
        "SELECT missing",
        "INSERT INTO alembic_version SELECT version_num FROM alembic_version",
        "SELECT 1 FOR UPDATE OF nothing",
        "SELECT count(*) FROM subscription FOR UPDATE",
    ],
    ids=["syntax", "division", "cast", "column", "unique", "relation", "not supported"],
)
async def test_a_statement_that_is_wrong_is_ours(database: Database, ask: Ask, statement: str) -> None:
    """It is raised as it is, and the connections of the pool stay."""
    before = await sessions(database)

    with pytest.raises((DBAPIError, asyncpg.PostgresError)):
        await ask(database, statement)

    assert await sessions(database) == before


@pytest.mark.parametrize("values", [(), (1, 2), ("one",), (object(),), (2**40,)], ids=str)
async def test_a_wrong_argument_is_ours(database: Database, values: tuple[object, ...]) -> None:
    """The driver has several words for it, some of which it also uses of a lost connection."""
    before = await sessions(database)

    with pytest.raises((asyncpg.DataError, asyncpg.InterfaceError)):
        await database.execute("SELECT $1::int", *values, name="test")

    assert await sessions(database) == before


async def test_a_wrong_argument_through_sqlalchemy_is_ours(database: Database) -> None:
    """The same fault, the same end."""
    before = await sessions(database)

    with pytest.raises(DBAPIError):
        await database.fetch(text("SELECT CAST(:n AS int)").bindparams(n="one"))

    assert await sessions(database) == before


@pytest.mark.parametrize(
    ("username", "name"),
    [("postgres", "nowhere"), ("a_stranger", "postgres")],
    ids=["no such database", "no such role"],
)
async def test_a_server_that_lets_nobody_in_is_the_operators(
    migrated: URL, ask: Ask, username: str, name: str
) -> None:
    """Waiting would not help: it is told in the database's words."""
    async with open_database(migrated.set(username=username, database=name)) as closed:
        with pytest.raises(DatabaseMisconfigured, match="does not exist"):
            await ask(closed, "SELECT 1")


async def test_a_right_that_is_missing_is_the_operators(migrated: URL, database: Database, ask: Ask) -> None:
    """It is told in the database's words."""
    async with role(database, "") as name, open_database(migrated.set(username=name)) as guest:
        with pytest.raises(DatabaseMisconfigured, match="permission denied"):
            await ask(guest, "SELECT 1 FROM subscription")


async def test_a_fault_of_ours_is_a_500_that_is_logged_once(
    client: httpx.AsyncClient,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    alice: Person,
    bob: Person,
) -> None:
    """With its traceback; no caller is told to come again for what will not mend by itself."""
    await database.fetch(text("ALTER TABLE subscription RENAME COLUMN auth TO other"))
    try:
        response = await client.post("/dial", json=alice.to("dial", bob))
    finally:
        await database.fetch(text("ALTER TABLE subscription RENAME COLUMN other TO auth"))

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "UndefinedColumnError" in str(record.exc_info)


@pytest.mark.parametrize("steps", [0, 3, 6, 9, 12, 20, 40])
async def test_a_statement_that_is_cancelled_does_not_run_again(migrated: URL, ask: Ask, steps: int) -> None:
    """Whenever it comes, the cancellation is heard: a server that stops waits for nothing."""
    async with open_database(migrated) as database:
        asking = asyncio.ensure_future(ask(database, "SELECT pg_sleep(0.2)"))
        for _ in range(steps):
            await asyncio.sleep(0)
        if steps > 30:
            await asyncio.sleep(0.1)
        asking.cancel()

        with pytest.raises(asyncio.CancelledError):
            await asking
