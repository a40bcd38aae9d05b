"""Request coalescing (the DataLoader pattern): concurrent look-ups, or writes, in one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context, copy_context
from copy import copy
from functools import partial
from typing import Generic, TypeVar

from app.store.error_classification import is_locked
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable

K = TypeVar("K")
V = TypeVar("V")

# A look-up that takes longer is no reason for others to wait.
PATIENCE_S = 0.05


class BatchLoader(Generic[K, V]):
    """Loader that looks keys up in batches: while one is on its way, keys are gathered for the next.

    A batch runs in the context of the first that waits for it, so that a trace books the statement once. In
    every trace it would look like as many statements; in none, like time that nobody spent.

    When one key may have failed its batch, each is looked up again by itself, so that only those are told
    whose fault it is: a key that is written may safely be written twice.
    """

    def __init__(self, look_up: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._look_up = look_up
        self._waiting: list[tuple[K, asyncio.Future[V | None]]] = []
        self._context = Context()
        self._turn: asyncio.TimerHandle | None = None  # of the latest batch, until it has had its time
        # The loop alone would let go of them.
        self._tasks: set[asyncio.Task[Mapping[K, V | BaseException]]] = set()

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

    async def _load(self, batch: list[tuple[K, asyncio.Future[V | None]]]) -> Mapping[K, V | BaseException]:
        """Look up all that wait by now, which are put into *batch*."""
        batch += self._waiting
        self._waiting = []
        keys = [key for key, _ in batch]
        if not keys:  # the loop was held up for longer than the patience: the batch before has them
            return {}
        try:
            return await self._look_up(keys)
        except Exception as error:
            if len(keys) == 1 or not _may_be_of_one(error):
                raise
        return await self._look_up_apart(keys)

    async def _look_up_apart(self, keys: Sequence[K]) -> Mapping[K, V | BaseException]:
        """Look each key up by itself, and return the error of those that fail."""
        ended = await asyncio.gather(*(self._look_up([key]) for key in keys), return_exceptions=True)
        found: dict[K, V | BaseException] = {}
        for key, its in zip(keys, ended, strict=True):
            found |= {key: its} if isinstance(its, BaseException) else its
        return found

    def _answer(
        self,
        batch: list[tuple[K, asyncio.Future[V | None]]],
        turn: asyncio.TimerHandle,
        task: asyncio.Task[Mapping[K, V | BaseException]],
    ) -> None:
        self._tasks.discard(task)
        is_cancelled = task.cancelled()
        error = None if is_cancelled else task.exception()
        found_all = {} if is_cancelled or error else task.result()
        for key, answer in batch:
            if answer.done():  # given up by the caller
                continue
            found = error or found_all.get(key)
            if is_cancelled:
                answer.cancel()
            elif isinstance(found, BaseException):
                answer.set_exception(_copy(found))
                answer.exception()  # it is no fault if its caller, who had another, does not ask
            else:
                answer.set_result(found)
        turn.cancel()
        if self._turn is turn:
            self._go_on()

    def _go_on(self) -> None:
        self._turn = None
        if self._waiting:
            self._begin()


def _may_be_of_one(error: Exception) -> bool:
    """Tell whether *error* may be for the sake of one key, as no outage is but that of a locked row."""
    if isinstance(error, DatabaseUnavailable):
        return error.__cause__ is not None and is_locked(error.__cause__)
    return not isinstance(error, DatabaseMisconfigured)


def _copy(error: BaseException) -> BaseException:
    """Return a copy caused by *error*: one object for all would gather the traceback of each caller."""
    try:
        own = copy(error)
    except TypeError:  # its constructor wants more than it kept
        return error
    own.__cause__ = error
    return own
