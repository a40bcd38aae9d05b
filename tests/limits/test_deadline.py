"""Deadlines of a connection, which expire once or not at all, and hold nothing afterwards."""

import asyncio
import gc
import weakref

import pytest

from app.limits.deadline import Deadline

pytestmark = pytest.mark.anyio


class Connection:
    """A connection that has a deadline, and is known to it."""

    def __init__(self) -> None:
        self.expired = 0
        self.deadline = Deadline(asyncio.get_running_loop(), 0, self.expire)

    def expire(self) -> None:
        """Count."""
        self.expired += 1


async def test_a_closed_deadline_holds_no_connection() -> None:
    """It goes at once, not when the garbage collector looks, which stops every call."""
    connection = Connection()
    held = weakref.ref(connection)
    connection.deadline.start()
    gc.disable()
    try:
        connection.deadline.close()
        del connection
        assert held() is None
    finally:
        gc.enable()


async def test_a_closed_deadline_expires_never() -> None:
    """Not even when it is started again."""
    connection = Connection()
    connection.deadline.close()
    connection.deadline.start()
    await asyncio.sleep(0.01)

    assert connection.expired == 0
