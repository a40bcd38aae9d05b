"""Request coalescing (the DataLoader pattern): concurrent look-ups, or writes, in one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context, copy_context
from copy import copy
from functools import partial
from typing import Generic, TypeVar

from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable

K = TypeVar("K")
V = TypeVar("V")

# A look-up that takes longer is no reason for others to wait.
PATIENCE_S = 0.05

# Errors that are no key's own fault.
_OF_ALL = (DatabaseUnavailable, DatabaseMisconfigured)


class BatchLoader(Generic[K, V]):
    """Loader that looks keys up in batches: while one is on its way, keys are gathered for the next.

    A batch runs in the context of the first that waits for it, so that a trace books the statement once. In
    every trace it would look like as many statements; in none, like time that nobody spent.

    After a fault, the keys of its batch are looked up again one by one: it is told to whose it is. A key that
    is written may safely be written twice.
    """

    def __init__(self, look_up: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._look_up = look_up
        self._waiting: list[tuple[K, asyncio.Future[V | None]]] = []
        self._suspects: list[tuple[K, asyncio.Future[V | None]]] = []  # one of them is at fault
        self._context = Context()
        self._turn: asyncio.TimerHandle | None = None  # of the latest batch, until it has had its time
        self._tasks: set[asyncio.Task[Mapping[K, V]]] = set()  # the loop alone would let go of them

    def get(self, key: K) -> asyncio.Future[V | None]:
        """Return the future of what is found under *key*: `None` for nothing, or what the look-up raises."""
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._context = copy_context()
        self._waiting.append((key, answer))
        if self._turn is None:
            self._begin()
        return answer

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        batch: list[tuple[K, asyncio.Future[V | None]]] = []
        self._turn = turn = loop.call_later(PATIENCE_S, self._go_on)
        task = loop.create_task(self._load(batch), context=self._context)
        self._tasks.add(task)
        task.add_done_callback(partial(self._answer, batch, turn))

    async def _load(self, batch: list[tuple[K, asyncio.Future[V | None]]]) -> Mapping[K, V]:
        """Look up all that wait by now, or one that is suspected, which are put into *batch*."""
        if self._suspects:
            batch.append(self._suspects.pop(0))
        else:
            batch += self._waiting
            self._waiting = []
        return await self._look_up([key for key, _ in batch])

    def _answer(
        self,
        batch: list[tuple[K, asyncio.Future[V | None]]],
        turn: asyncio.TimerHandle,
        task: asyncio.Task[Mapping[K, V]],
    ) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and not isinstance(error, _OF_ALL) and len(batch) > 1:
            self._suspects += batch
            batch = []
        for key, answer in batch:
            if answer.done():  # given up by the caller
                continue
            if task.cancelled():
                answer.cancel()
            elif error is not None:
                answer.set_exception(_copy(error))
                answer.exception()  # it is no fault if its caller, who had another, does not ask
            else:
                answer.set_result(task.result().get(key))
        turn.cancel()
        if self._turn in (turn, None):  # its own, or nothing is on its way
            self._go_on()

    def _go_on(self) -> None:
        self._turn = None
        if self._waiting or self._suspects:
            self._begin()


def _copy(error: BaseException) -> BaseException:
    """Return a copy caused by *error*: one object for all would gather the traceback of each caller."""
    try:
        own = copy(error)
    except TypeError:  # its constructor wants more than it kept
        return error
    own.__cause__ = error
    return own
