"""Deadline for a wait, with a reason that a person can read."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from whisper_peer.errors import TimedOut

T = TypeVar("T")


async def wait_for(seconds: float, wait: Coroutine[Any, Any, T], reason: str) -> T:
    """Return what *wait* returns. Raise `TimedOut` with *reason* if that takes more than *seconds*."""
    try:
        async with asyncio.timeout(seconds):
            return await wait
    except TimeoutError:
        raise TimedOut(reason) from None
