"""Connection pool: connections are kept, few, and never used after an answer that nobody asked for."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

import pytest

from app.protocol.subscription import Endpoint
from app.push.deadlines import PRODUCTION, Deadlines
from app.push.http.connection import (
    ConnectionLost,
    MalformedResponse,
    PushConnection,
    PushResponse,
    serialize_request,
)
from app.push.http.pool import Connect, ConnectionPool, TimeoutOutcome
from app.push.outcome import DeliveryStatus

pytestmark = pytest.mark.anyio

CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
PER_HOST = 64  # of twice as many in all

SOON_S = 2


@dataclass
class PushServiceStub:
    """Push service stub that counts its connections, and gives each message the answer it was told."""

    says: bytes = CREATED
    afterwards: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)
    served: set["asyncio.Task[None] | None"] = field(default_factory=set)
    endpoint: Endpoint = field(init=False)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self.served.add(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(len(b"hello"))
                writer.write(self.says)
                if self.afterwards:
                    await self.afterwards(writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def connect(endpoint: Endpoint, make: Callable[[], PushConnection]) -> PushConnection:
    """Connect as simply as can be."""
    _, made = await asyncio.get_running_loop().create_connection(make, endpoint.host, endpoint.port)
    return made


Read = Callable[[PushConnection, bytes], None]


class ReadHook(asyncio.Protocol):
    """Protocol between a socket and a connection: *read* hands on what came, and does something around it."""

    def __init__(self, connection: PushConnection, read: Read) -> None:
        self.connection = connection
        self._read = read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand it on."""
        self.connection.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand it on."""
        self.connection.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Let the test hand it on."""
        self._read(self.connection, data)


def tapped(read: Read) -> Connect:
    """Return a way to connect with a tap at each connection."""

    async def connect_tapped(endpoint: Endpoint, make: Callable[[], PushConnection]) -> PushConnection:
        _, tap = await asyncio.get_running_loop().create_connection(
            lambda: ReadHook(make(), read), endpoint.host, endpoint.port
        )
        return tap.connection

    return connect_tapped


@asynccontextmanager
async def opened(
    stub: PushServiceStub, size: int = 8, connect: Connect = connect, deadlines: Deadlines = PRODUCTION
) -> AsyncIterator[ConnectionPool]:
    """Open a stub, and yield a pool of connections that all lead to it."""
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    stub.endpoint = Endpoint.parse(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/push?to=me")
    pool = ConnectionPool(connect, deadlines, size)
    try:
        yield pool
    finally:
        pool.close()
        server.close()
        async with asyncio.timeout(SOON_S):
            await asyncio.gather(*filter(None, stub.served))


async def send(pool: ConnectionPool, stub: PushServiceStub, within: float = SOON_S) -> PushResponse:
    """Send a message."""
    message = serialize_request(stub.endpoint, "TTL: 60\r\n", b"hello")
    return await pool.post(stub.endpoint, message, soon(within), TimeoutOutcome())


def soon(seconds: float = SOON_S) -> float:
    """Return a deadline in so many seconds."""
    return asyncio.get_running_loop().time() + seconds


async def test_a_connection_serves_again() -> None:
    """One after another, they need no more than one."""
    stub = PushServiceStub()
    async with opened(stub) as pool:
        answers = [await send(pool, stub) for _ in range(3)]

    assert (answers, stub.connections) == ([PushResponse(201)] * 3, 1)


async def test_a_message_says_where_it_goes() -> None:
    """Path and query as they were given, and the host with its port."""
    stub = PushServiceStub()
    async with opened(stub) as pool:
        await send(pool, stub)

    first, *fields = stub.heads[0].decode().split("\r\n")
    assert first == "POST /push?to=me HTTP/1.1"
    assert {f"Host: {stub.endpoint.authority}", "TTL: 60", "Content-Length: 5"} <= set(fields)


async def test_who_asks_to_wait_is_heard() -> None:
    """Whatever the case of the header's name."""
    stub = PushServiceStub(b"HTTP/1.1 429 Too Many\r\nretry-AFTER: 7\r\nContent-Length: 0\r\n\r\n")
    async with opened(stub) as pool:
        assert await send(pool, stub) == PushResponse(429, "7")


async def test_interim_answers_are_passed_over() -> None:
    """RFC 9110, section 15.2: the final one comes after them."""
    stub = PushServiceStub(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + CREATED)
    async with opened(stub) as pool:
        answers = [await send(pool, stub) for _ in range(2)]

    assert (answers, stub.connections) == ([PushResponse(201)] * 2, 1)


@pytest.mark.parametrize(
    "says",
    [
        CREATED + CREATED,
        CREATED + b"x",
        b"HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 201 Created\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 201 Created\r\n\r\nuntil the end",
        b"HTTP/1.1 201 Created\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20000,
    ],
    ids=["two answers", "more than an answer", "last", "old", "without length", "long"],
)
async def test_after_such_an_answer_a_connection_is_not_used_again(says: bytes) -> None:
    """Its status counts; the next message must not get what was left."""
    stub = PushServiceStub(says)
    async with opened(stub) as pool:
        answers = [await send(pool, stub) for _ in range(2)]

    assert ([answer.status for answer in answers], stub.connections) == ([201, 201], 2)


async def test_what_nobody_asked_for_ends_a_connection() -> None:
    """An answer that comes before its message is no answer to it."""
    said = asyncio.Event()

    async def say_more(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        writer.write(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")
        said.set()

    stub = PushServiceStub(afterwards=say_more)
    async with opened(stub) as pool:
        first = await send(pool, stub)
        await said.wait()
        await asyncio.sleep(0.02)
        second = await send(pool, stub)

    assert (first.status, second.status, stub.connections) == (201, 201, 2)


@pytest.mark.parametrize(
    "says",
    [
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nX: " + b"x" * 20000,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000,
    ],
    ids=["mail", "upgrade", "endless head", "endless hints"],
)
async def test_what_is_no_answer_is_refused(says: bytes) -> None:
    """Soon, and without reading more of it."""
    stub = PushServiceStub(says)
    async with opened(stub) as pool:
        with pytest.raises(MalformedResponse):
            await send(pool, stub)


async def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    """The next message gets one of its own."""

    async def hang_up(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.02)
        writer.close()

    stub = PushServiceStub(afterwards=hang_up)
    async with opened(stub) as pool:
        await send(pool, stub)
        await asyncio.sleep(0.1)

        assert await send(pool, stub) == PushResponse(201)


@dataclass
class HangingUpStub(PushServiceStub):
    """Push service stub that hangs up on the second message of a connection, or on each after a word."""

    word: bytes = b""
    hangs_up_on: int = 2

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self.served.add(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError):
            for number in count(1):
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(len(b"hello"))
                if number == self.hangs_up_on:
                    writer.write(self.word)
                    break
                writer.write(CREATED)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_a_message_that_a_dying_connection_swallows_is_sent_again() -> None:
    """The other side closes what it thinks is idle just as the next message comes."""
    stub = HangingUpStub()
    async with opened(stub) as pool:
        answers = [await send(pool, stub) for _ in range(2)]

    assert (answers, stub.connections, len(stub.heads)) == ([PushResponse(201)] * 2, 2, 3)


async def test_a_message_is_not_sent_again_on_another_kept_connection() -> None:
    """When one has died, those beside it have too: a new one is made."""
    stub = HangingUpStub()
    async with opened(stub) as pool:
        await asyncio.gather(*(send(pool, stub) for _ in range(3)))

        assert await send(pool, stub) == PushResponse(201)
    assert stub.connections == 4


async def test_a_message_is_not_sent_again_after_a_byte_of_answer() -> None:
    """It arrived: only what became of it is not known."""
    stub = HangingUpStub(word=b"H")
    async with opened(stub) as pool:
        await send(pool, stub)
        with pytest.raises(ConnectionLost):
            await send(pool, stub)

    assert len(stub.heads) == 2


async def test_a_message_that_a_new_connection_swallows_is_not_sent_again() -> None:
    """The push service was there, and may have taken it."""
    stub = HangingUpStub(hangs_up_on=1)
    async with opened(stub) as pool:
        with pytest.raises(ConnectionLost):
            await send(pool, stub)

    assert len(stub.heads) == 1


async def test_a_connection_that_nobody_uses_is_closed() -> None:
    """It holds a place at the push service, and here."""
    gone = asyncio.Event()

    class Watched(PushServiceStub):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await super().serve(reader, writer)
            gone.set()

    stub = Watched()
    async with opened(stub, deadlines=Deadlines(keep_s=0.05)) as pool:
        await send(pool, stub)
        async with asyncio.timeout(SOON_S):
            await gone.wait()


async def test_of_too_many_the_one_used_longest_ago_is_closed() -> None:
    """So that another host gets its connection."""
    one, other = PushServiceStub(), PushServiceStub()
    async with opened(one, size=1) as pool, opened(other):
        await send(pool, one)
        answer = await send(pool, other)
        await send(pool, one)

    assert (answer, one.connections) == (PushResponse(201), 2)


async def test_when_all_are_used_there_is_no_room() -> None:
    """A message does not wait for another host's."""
    hanging, stub = PushServiceStub(b""), PushServiceStub()
    async with opened(hanging, size=1) as pool, opened(stub):
        slow = asyncio.create_task(send(pool, hanging, within=0.3))
        await asyncio.sleep(0.05)

        with pytest.raises(TimeoutError):
            await send(pool, stub)
        with pytest.raises(TimeoutError):
            await slow


async def test_who_waits_no_longer_leaves_no_connection_behind() -> None:
    """Its answer may still come, and would be taken for another's."""
    stub = PushServiceStub(b"")
    async with opened(stub) as pool:
        leaving = asyncio.create_task(send(pool, stub))
        await asyncio.sleep(0.05)
        leaving.cancel()
        await asyncio.wait({leaving})
        stub.says = CREATED

        assert (await send(pool, stub), stub.connections) == (PushResponse(201), 2)


async def test_who_leaves_with_an_answer_breaks_off_nobody_elses() -> None:
    """The connection may be another's by then, whose message is on its way."""
    stub = PushServiceStub()
    tasks: list[asyncio.Task[PushResponse]] = []

    def read(connection: PushConnection, data: bytes) -> None:
        if len(tasks) == 1:
            tasks.append(asyncio.create_task(send(pool, stub)))
        connection.data_received(data)
        tasks[0].cancel()

    async with opened(stub, connect=tapped(read)) as pool:
        tasks.append(asyncio.create_task(send(pool, stub)))
        await asyncio.wait(tasks)
        second = await tasks[1]

    assert (tasks[0].cancelled(), second, stub.connections) == (True, PushResponse(201), 1)


async def test_a_connection_that_is_closed_as_it_is_passed_on_is_not_used() -> None:
    """Who waited for it gets one of their own."""
    stub = PushServiceStub()

    def read(connection: PushConnection, data: bytes) -> None:
        connection.data_received(data)
        connection.close()

    async with opened(stub, 2 * PER_HOST, tapped(read)) as pool:
        sent = [asyncio.create_task(send(pool, stub)) for _ in range(PER_HOST + 1)]

        assert set(await asyncio.gather(*sent)) == {PushResponse(201)}


async def test_an_answer_before_its_message_was_whole_is_the_last() -> None:
    """What is not read of one message would stand before the next, and grow with each."""
    gone = asyncio.Event()

    async def read_no_more(_: asyncio.StreamWriter) -> None:
        await gone.wait()
        raise ConnectionAbortedError

    stub = PushServiceStub(afterwards=read_no_more)
    async with opened(stub) as pool:
        long = serialize_request(stub.endpoint, "", b"hello" * 2_000_000)
        early = await pool.post(stub.endpoint, long, soon(), TimeoutOutcome())
        second = await send(pool, stub)
        gone.set()

    assert (early, second, stub.connections) == (PushResponse(201), PushResponse(201), 2)


async def test_an_interim_answer_asks_nobody_to_wait() -> None:
    """Its headers are not those of the final one."""
    stub = PushServiceStub(b"HTTP/1.1 103 Early Hints\r\nRetry-After: 7\r\n\r\n" + CREATED)
    async with opened(stub) as pool:
        assert await send(pool, stub) == PushResponse(201)


async def test_a_closed_connection_leaves_nothing_behind() -> None:
    """Its buffers are large: they go with it, not when somebody looks for garbage."""
    gc.collect()
    gc.disable()
    stub = PushServiceStub(b"HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    async with opened(stub) as pool:
        await send(pool, stub)
        await asyncio.sleep(0.02)
        left = [each for each in gc.get_objects() if isinstance(each, PushConnection)]
    gc.enable()

    assert left == []


async def test_without_room_a_message_was_not_sent() -> None:
    """It is the server that is busy: the other's host may be as well as ever."""
    hanging, stub, on_timeout = PushServiceStub(b""), PushServiceStub(), TimeoutOutcome()
    async with opened(hanging, size=1) as pool, opened(stub):
        slow = asyncio.create_task(send(pool, hanging, within=0.3))
        await asyncio.sleep(0.05)
        with suppress(TimeoutError):
            await pool.post(stub.endpoint, serialize_request(stub.endpoint, "", b"hello"), soon(), on_timeout)
        await asyncio.gather(slow, return_exceptions=True)

    assert (on_timeout.outcome.delivery, stub.connections) == (DeliveryStatus.BUSY, 0)


async def test_a_host_that_there_is_no_room_for_is_not_remembered() -> None:
    """There are as many as strangers can name."""
    hanging = PushServiceStub(b"")
    async with opened(hanging, size=1) as pool:
        slow = asyncio.create_task(send(pool, hanging, within=0.3))
        await asyncio.sleep(0.05)
        gc.collect()
        before = len(gc.get_objects())
        for each in range(1000):
            with suppress(TimeoutError):
                await pool.post(Endpoint.parse(f"http://{each}.test/"), b"", soon(), TimeoutOutcome())
        await asyncio.sleep(0.02)
        gc.collect()
        after = len(gc.get_objects())
        await asyncio.gather(slow, return_exceptions=True)

    assert after - before < 1000


async def test_what_is_only_being_connected_takes_room_too() -> None:
    """Hosts that nobody can connect to would take all sockets there are."""
    asked = 0

    async def never(_: Endpoint, __: Callable[[], PushConnection]) -> PushConnection:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        raise AssertionError

    pool = ConnectionPool(never, PRODUCTION, size=2)
    hosts = [Endpoint.parse(f"http://{each}.test/") for each in range(3)]
    posts = [pool.post(host, b"", soon(0.05), TimeoutOutcome()) for host in hosts]
    ended = await asyncio.gather(*posts, return_exceptions=True)

    assert ([type(each) for each in ended], asked) == ([TimeoutError] * 3, 2)


async def test_each_one_too_many_closes_another() -> None:
    """Also when they come at once."""
    one, other, third = PushServiceStub(), PushServiceStub(), PushServiceStub()
    async with opened(one, size=4) as pool, opened(other), opened(third):
        for stub in (one, other, third, one):
            await asyncio.gather(send(pool, stub), send(pool, stub))
        pool.close()  # before the doors

    assert (one.connections, other.connections, third.connections) == (4, 2, 2)


async def test_a_connection_that_becomes_free_goes_to_who_waits() -> None:
    """No host gets more of them than it may have."""
    stub = PushServiceStub()
    async with opened(stub, 2 * PER_HOST) as pool:
        answers = await asyncio.gather(*[send(pool, stub) for _ in range(2 * PER_HOST)])

    assert (set(answers), stub.connections) == ({PushResponse(201)}, PER_HOST)


async def test_who_leaves_as_it_is_their_turn_passes_it_on() -> None:
    """The connection that they were given is not lost."""
    stub = PushServiceStub()
    leaving: list[asyncio.Task[PushResponse]] = []

    def read(connection: PushConnection, data: bytes) -> None:
        connection.data_received(data)
        leaving[0].cancel()

    async with opened(stub, 2 * PER_HOST, tapped(read)) as pool:
        first = [asyncio.create_task(send(pool, stub)) for _ in range(PER_HOST)]
        leaving.append(asyncio.create_task(send(pool, stub)))
        last = [asyncio.create_task(send(pool, stub)) for _ in range(PER_HOST)]
        answers = await asyncio.gather(*first, *last)

    assert (leaving[0].cancelled(), set(answers)) == (True, {PushResponse(201)})
    assert stub.connections == PER_HOST


async def test_who_was_promised_room_takes_what_became_free_meanwhile() -> None:
    """Else they would wait, or connect, beside an idle connection."""
    stub = PushServiceStub()
    read: list[tuple[PushConnection, bytes]] = []

    def lose_one_then_free_another(connection: PushConnection, data: bytes) -> None:
        read.append((connection, data))
        if len(read) == PER_HOST:
            (lost, _), *others = read
            lost.close()
            for other, answer in others:
                asyncio.get_running_loop().call_soon(other.data_received, answer)
        elif len(read) > PER_HOST:
            connection.data_received(data)

    async with opened(stub, 2 * PER_HOST, tapped(lose_one_then_free_another)) as pool:
        first = [asyncio.create_task(send(pool, stub)) for _ in range(PER_HOST)]
        waiting = asyncio.create_task(send(pool, stub))
        answers = await asyncio.gather(*first, return_exceptions=True)
        last = await waiting

    assert (sum(isinstance(each, ConnectionLost) for each in answers), last) == (1, PushResponse(201))
    assert stub.connections == PER_HOST
