"""The dependency that yields only verified calls."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

from app.api.dependencies import parts
from app.api.limits import read_body
from app.protocol.envelope import Call, open_call
from app.protocol.messages import Message

M = TypeVar("M", bound=Message)


def signed(kind: type[M]) -> Callable[[Request], Awaitable[Call[M]]]:
    """Return the dependency for calls of *kind*; for `Message` itself, of any kind."""

    async def verified(request: Request) -> Call[M]:
        state = parts(request)
        body = await read_body(request)
        return open_call(body, kind, now=state.clock(), window=state.clock_window_ms)

    return verified
