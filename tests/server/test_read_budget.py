"""Requests of many connections that come at the same moment: few are begun at a time, in their order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.limits.errors import Overloaded
from app.server.read_budget import PER_ITERATION, ReadBudget
from tests.server.served_app import PATIENCE_S, Client, answer_one, connected

pytestmark = pytest.mark.anyio

MANY = 8 * PER_ITERATION
STEPS = 1  # in which the event loop can do other things, for each request

Writers = Sequence[asyncio.StreamWriter]


class Application:
    """An application that notes the order of its requests, and the most that it served at once."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.at_once = 0
        self._present = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        self.served.append(scope["path"])
        self._present += 1
        self.at_once = max(self.at_once, self._present)
        while (await receive()).get("more_body"):
            pass
        for _ in range(STEPS):
            await asyncio.sleep(0)
        self._present -= 1
        await answer_one(send)


@asynccontextmanager
async def many(app: ASGIApp, first: bytes = b"") -> AsyncIterator[tuple[Client, Writers]]:
    """Yield a client that sent *first*, and many other connections; each of them sent a request just now."""
    async with connected(app, patience_s=PATIENCE_S) as client:
        client.writer.write(first)
        opened = [await asyncio.open_connection("127.0.0.1", client.port) for _ in range(MANY)]
        await asyncio.sleep(0.05)  # until the server has accepted all
        writers = [writer for _, writer in opened]
        for number, writer in enumerate(writers):
            writer.write(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
        try:
            yield client, writers
        finally:
            for writer in writers:
                writer.close()


async def until(number: int, app: Application) -> None:
    """Wait until so many requests were begun."""
    async with asyncio.timeout(PATIENCE_S):
        while len(app.served) < number:
            await asyncio.sleep(0.01)


async def test_few_requests_are_begun_at_a_time() -> None:
    """Those of one iteration, for each step of a request."""
    app = Application()
    async with many(app):
        await until(MANY, app)

    assert app.at_once < MANY


async def test_a_request_whose_rest_comes_while_it_waits_is_served_as_a_whole() -> None:
    """Its parts are parsed in their order."""
    app = Application()
    async with many(app) as (client, _):
        client.writer.write(b"POST /parts HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        await asyncio.sleep(0)
        client.writer.write(b"ab")
        await asyncio.sleep(0)
        client.writer.write(b"cd")
        assert (await client.read_answer()).startswith(b"HTTP/1.1 200")


async def test_a_connection_that_is_lost_while_it_waits_holds_up_nobody() -> None:
    """Nor is its request begun."""
    app = Application()
    async with many(app) as (_, writers):
        for writer in writers[::2]:
            writer.transport.abort()
        async with asyncio.timeout(PATIENCE_S):
            while not {f"/{number}" for number in range(1, MANY, 2)} <= set(app.served):
                await asyncio.sleep(0.01)


async def test_requests_whose_client_closes_while_they_wait_are_served() -> None:
    """As is the last call of a page that is left."""
    app = Application()
    async with many(app) as (client, _):
        client.writer.write(b"POST /last HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}" * 3)
        client.writer.write_eof()
        answers = await client.read_to_end()

    assert (app.served.count("/last"), answers.count(b"HTTP/1.1 200")) == (3, 3)


async def test_a_request_behind_another_waits_for_its_turn_too() -> None:
    """Even if that one has ended: it would be refused as late besides, once it was served."""
    app = Application()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        while scope["path"] == "/first" and len(app.served) < MANY // 2:
            await asyncio.sleep(0)
        await app(scope, receive, send)

    async with many(serve, first=b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n") as (client, _):
        client.writer.write(b"GET /second HTTP/1.1\r\n")
        async with asyncio.timeout(PATIENCE_S):
            while not app.served:
                await asyncio.sleep(0)
        client.writer.write(b"Host: x\r\n\r\n")
        for _ in ("/first", "/second"):
            await client.read_answer()

    assert app.served.index("/second") > MANY - PER_ITERATION


async def answers_of_many_late(request_line: bytes) -> list[bytes]:
    """Return the answers to many requests at once, which all have waited for too long but the first."""
    async with connected(Application(), patience_s=-1) as client:
        opened = [await asyncio.open_connection("127.0.0.1", client.port) for _ in range(MANY)]
        await asyncio.sleep(0.05)
        for _, writer in opened:
            writer.write(request_line + b"Host: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        answers = [await asyncio.wait_for(reader.read(), PATIENCE_S) for reader, _ in opened]
        for _, writer in opened:
            writer.close()
        return answers


async def test_a_call_that_waited_for_too_long_is_refused() -> None:
    """Its client may have given up, and those behind it wait as well. Any page may read when to ask again."""
    answers = await answers_of_many_late(b"POST /dial HTTP/1.1\r\n")

    refused = [each for each in answers if each.startswith(b"HTTP/1.1 503")]
    assert 0 < len(refused) <= MANY - PER_ITERATION
    assert all(Overloaded.code.encode() in each and b"retry-after: 1" in each.lower() for each in refused)
    assert all(b"access-control-allow-origin: *\r\n" in each for each in refused)
    assert all(b"access-control-expose-headers: Retry-After" in each for each in refused)


async def test_a_health_check_is_answered_however_long_it_waited() -> None:
    """Or an orchestrator would restart a server for being busy."""
    answers = await answers_of_many_late(b"GET /livez HTTP/1.1\r\n")

    assert all(each.startswith(b"HTTP/1.1 200") for each in answers)


class Reader:
    """A connection that notes its turn."""

    def __init__(self, turns: "list[Reader]") -> None:
        self._turns = turns

    def read_on(self, *, late: bool) -> None:
        """Take note."""
        assert not late
        self._turns.append(self)


async def test_each_has_its_turn_in_the_order_of_arrival() -> None:
    """Even if the budget is whole again before."""
    turns: list[Reader] = []
    budget, readers = ReadBudget(), [Reader(turns) for _ in range(MANY)]
    allowed = [budget.consume(reader) for reader in readers]
    await asyncio.sleep(0)
    readers.append(Reader(turns))
    allowed.append(budget.consume(readers[-1]))
    async with asyncio.timeout(PATIENCE_S):
        while len(turns) < len(readers) - PER_ITERATION:
            await asyncio.sleep(0)

    assert allowed == [True] * PER_ITERATION + [False] * (len(readers) - PER_ITERATION)
    assert turns == readers[PER_ITERATION:]


class FaultyReader:
    """A connection that fails at its turn."""

    def read_on(self, *, late: bool) -> None:
        """Fail."""
        raise RuntimeError(late)


async def test_a_reader_that_fails_holds_up_nobody() -> None:
    """The others have their turns; the loop reports it."""
    turns: list[Reader] = []
    budget, loop, faults = ReadBudget(per_iteration=1), asyncio.get_running_loop(), list[object]()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: faults.append(context))
    try:
        for reader in (Reader(turns), FaultyReader(), Reader(turns)):
            budget.consume(reader)
        async with asyncio.timeout(PATIENCE_S):
            while not turns:
                await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(handler)

    assert len(faults) == 1


async def test_the_budget_is_whole_again_in_the_next_iteration() -> None:
    """However little of it was used."""
    budget = ReadBudget()
    for _ in range(5):
        assert all(budget.consume(Reader([])) for _ in range(PER_ITERATION))
        await asyncio.sleep(0)
