"""Batch loader: look-ups at once are one statement, and one's failure is not another's."""

import asyncio
import time
import traceback
from collections.abc import Sequence
from contextvars import ContextVar

import pytest
import uvloop
from asyncpg import LockNotAvailableError

from app.store.batch_loader import PATIENCE_S, BatchLoader
from app.store.errors import DatabaseMisconfigured, DatabaseUnavailable

pytestmark = pytest.mark.anyio

reader: ContextVar[str] = ContextVar("reader", default="nobody")


class CapitalsSource:
    """Source of values, the keys in capitals, which answers when it may."""

    def __init__(self) -> None:
        self.questions: list[list[str]] = []
        self.readers: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def look_up(self, keys: Sequence[str]) -> dict[str, str]:
        """Answer for all *keys*; there is nothing under an empty one."""
        self.questions.append(list(keys))
        self.readers.append(reader.get())
        await self.may_answer.wait()
        if "end" in keys:
            raise asyncio.CancelledError
        if "trouble" in keys:
            raise DatabaseUnavailable
        if "fault" in keys:
            raise LookupError
        if "locked" in keys:
            raise DatabaseUnavailable from LockNotAvailableError()
        return {key: key.upper() for key in keys if key}


@pytest.fixture
async def source() -> CapitalsSource:
    """Return a source without readers."""
    return CapitalsSource()


@pytest.fixture
async def loader(source: CapitalsSource) -> BatchLoader[str, str]:
    """Return a loader of the source."""
    return BatchLoader(source.look_up)


async def test_everybody_gets_what_they_asked_for(loader: BatchLoader[str, str]) -> None:
    """Also the same thing twice, and nothing where there is nothing."""
    found = await asyncio.gather(*map(loader.get, ["a", "b", "", "a"]))

    assert found == ["A", "B", None, "A"]


async def test_what_is_asked_at_once_is_one_question(
    loader: BatchLoader[str, str], source: CapitalsSource
) -> None:
    """In the order in which it came."""
    await asyncio.gather(*map(loader.get, "abc"))

    assert source.questions == [["a", "b", "c"]]


async def test_what_is_asked_meanwhile_is_the_next_question(
    loader: BatchLoader[str, str], source: CapitalsSource
) -> None:
    """However much it is."""
    source.may_answer.clear()
    first = asyncio.ensure_future(loader.get("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(loader.get(key)) for key in "bcd"]
    await asyncio.sleep(0)
    source.may_answer.set()

    assert await asyncio.gather(first, *others) == ["A", "B", "C", "D"]
    assert source.questions == [["a"], ["b", "c", "d"]]


async def test_a_question_that_takes_long_is_not_waited_for(
    loader: BatchLoader[str, str], source: CapitalsSource
) -> None:
    """The next one is asked all the same."""
    source.may_answer.clear()
    waiting = [asyncio.ensure_future(loader.get("a"))]
    await asyncio.sleep(PATIENCE_S / 10)
    waiting.append(asyncio.ensure_future(loader.get("b")))
    await asyncio.sleep(3 * PATIENCE_S)
    asked = list(source.questions)
    source.may_answer.set()

    assert asked == [["a"], ["b"]]
    assert await asyncio.gather(*waiting) == ["A", "B"]


def test_a_loop_that_was_held_up_asks_no_empty_question() -> None:
    """By the garbage collector, say: to uvloop the patience is over before the batch has begun."""

    def hold_up() -> None:
        time.sleep(2 * PATIENCE_S)

    async def ask() -> Sequence[Sequence[str]]:
        source = CapitalsSource()
        answer = BatchLoader(source.look_up).get("a")
        hold_up()
        await answer
        await asyncio.sleep(PATIENCE_S)
        return source.questions

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask()) == [["a"]]


async def test_trouble_is_told_to_all_who_asked_and_ends_there(loader: BatchLoader[str, str]) -> None:
    """The next question has another answer."""
    told = await asyncio.gather(*map(loader.get, ["a", "trouble"]), return_exceptions=True)

    assert [type(each) for each in told] == [DatabaseUnavailable, DatabaseUnavailable]
    assert await loader.get("a") == "A"


@pytest.mark.parametrize(("key", "error"), [("fault", LookupError), ("locked", DatabaseUnavailable)])
async def test_a_fault_is_told_to_whose_it_is(
    loader: BatchLoader[str, str], source: CapitalsSource, key: str, error: type[Exception]
) -> None:
    """Each of them is asked again by itself."""
    told = await asyncio.gather(*map(loader.get, ["a", key, "b"]), return_exceptions=True)

    assert [type(each) for each in told] == [str, error, str]
    assert source.questions == [["a", key, "b"], ["a"], [key], ["b"]]


async def test_each_caller_has_an_error_of_its_own(loader: BatchLoader[str, str]) -> None:
    """A traceback grows with each raise: one object would hold the frames of all who wait."""

    async def ask() -> str | None:
        return await loader.get("trouble")

    told = await asyncio.gather(*(ask() for _ in range(3)), return_exceptions=True)

    assert len({id(each) for each in told}) == 3
    assert {
        len(traceback.extract_tb(each.__traceback__)) for each in told if isinstance(each, Exception)
    } == {1}


class UncopyableError(DatabaseMisconfigured):
    """Error that can't be constructed again from its arguments."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


async def test_an_error_that_can_not_be_copied_still_reaches_every_caller() -> None:
    """Nobody waits for ever."""

    async def fail(_: Sequence[str]) -> dict[str, str]:
        raise UncopyableError("a", "b")

    loader = BatchLoader(fail)

    told = await asyncio.gather(*map(loader.get, "ab"), return_exceptions=True)

    assert [type(each) for each in told] == [UncopyableError, UncopyableError]


@pytest.mark.parametrize("other", ["b", "trouble"])
async def test_who_has_gone_is_nobody_elses_trouble(
    loader: BatchLoader[str, str], source: CapitalsSource, other: str
) -> None:
    """The others get their answer, or their trouble."""
    source.may_answer.clear()
    gone, stays = (asyncio.ensure_future(loader.get(key)) for key in ("a", other))
    await asyncio.sleep(PATIENCE_S / 10)
    gone.cancel()
    source.may_answer.set()

    ended = await asyncio.gather(gone, stays, return_exceptions=True)

    assert [type(each) for each in ended] == [
        asyncio.CancelledError,
        DatabaseUnavailable if other == "trouble" else str,
    ]


async def test_a_question_is_asked_for_those_whose_it_is(
    loader: BatchLoader[str, str], source: CapitalsSource
) -> None:
    """What is measured of it is noted for the first of them, not for who asked the one before."""

    async def ask(key: str) -> str | None:
        reader.set(key)
        return await loader.get(key)

    source.may_answer.clear()
    first = asyncio.create_task(ask("a"))
    await asyncio.sleep(PATIENCE_S / 10)
    others = [asyncio.create_task(ask(key)) for key in "bc"]
    await asyncio.sleep(PATIENCE_S / 10)
    source.may_answer.set()
    await asyncio.gather(first, *others)

    assert source.readers == ["a", "b"]


async def test_a_question_that_is_broken_off_leaves_nobody_waiting(loader: BatchLoader[str, str]) -> None:
    """The next one is asked."""
    ended = await asyncio.gather(loader.get("end"), return_exceptions=True)

    assert [type(each) for each in ended] == [asyncio.CancelledError]
    assert await loader.get("a") == "A"
