"""A database as tests open it: unobserved but for the log, on the real clock unless a test brings its own."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from sqlalchemy.engine import URL

from app.clocks import monotonic_clock
from app.store.database import Database, log_statement
from app.store.database import open_database as _open_database


def open_database(
    url: URL, monotonic_ms: Callable[[], int] = monotonic_clock
) -> AbstractAsyncContextManager[Database]:
    """Open the database at *url*, and close it."""
    return _open_database(url, log_statement, monotonic_ms)
