"""What is looked up at the same time is asked in one question."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context, copy_context
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

# A question that takes longer is no reason for others to wait.
PATIENCE_S = 0.05


class BatchLoader(Generic[K, V]):
    """Looks keys up. While one question is being answered, others are gathered for the next."""

    def __init__(self, look_up: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._look_up = look_up
        self._waiting: list[tuple[K, asyncio.Future[V | None]]] = []
        self._context = Context()  # of the first who waits: a question is measured as theirs
        self._turn: asyncio.TimerHandle | None = None  # of the latest question, until it has had its time
        self._questions: set[asyncio.Task[None]] = set()  # which nobody else holds

    async def get(self, key: K) -> V | None:
        """Return what is found under *key*, `None` when there is nothing. Raise what the look-up raises."""
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._context = copy_context()
        self._waiting.append((key, answer))
        if self._turn is None:
            self._begin()
        return await answer

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._turn = turn = loop.call_later(PATIENCE_S, self._go_on)
        question = loop.create_task(self._ask(turn), context=self._context)
        self._questions.add(question)
        question.add_done_callback(self._questions.discard)

    async def _ask(self, turn: asyncio.TimerHandle) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            found = await self._look_up([key for key, _ in waiting])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who asked
            for _, answer in waiting:
                if not answer.done():  # whoever asked may not be there any more
                    answer.set_exception(error)
        except BaseException:
            for _, answer in waiting:
                answer.cancel()
            raise
        else:
            for key, answer in waiting:
                if not answer.done():
                    answer.set_result(found.get(key))
        turn.cancel()
        if self._turn is turn:
            self._go_on()

    def _go_on(self) -> None:
        self._turn = None
        if self._waiting:
            self._begin()
