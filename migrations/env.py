"""Alembic environment: migrations run on the URL that `whisper migrate` gives, or on that of the settings."""

import asyncio
import time

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import app.store.tables  # noqa: F401 - fills the metadata
from app.settings import Settings
from app.store.schema import REVISIONS
from app.store.url import parse_url, split_url

# One migration at a time, whoever starts them: any fixed number that nobody else locks.
LOCK = 0x57484953504552
ASK_EVERY_S = 0.2


def _run(connection: Connection) -> None:
    # The session's own lock, since an index that is made concurrently ends the transaction. It is asked for
    # again and again: whoever waited inside a statement would be waited for by that index.
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
        connection.rollback()
        time.sleep(ASK_EVERY_S)
    connection.commit()
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, transaction_per_migration=True
    )
    if context.get_context().get_current_revision() not in {None, *REVISIONS}:
        return  # of a later version, which knows how to go on from there; this one does not
    with context.begin_transaction():
        context.run_migrations()


async def _migrate() -> None:
    url = context.config.attributes.get("url") or parse_url(Settings().require_database_url())
    place, arguments = split_url(url)
    engine = create_async_engine(place, poolclass=pool.NullPool, connect_args=arguments, hide_parameters=True)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_migrate())
