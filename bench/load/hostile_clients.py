"""Attacks on fairness, by hundreds of connections: held calls, unread answers, slow bodies, locked rows."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench.load.workload import Person, Request, Subscription, make_call, make_update

SECONDS = 8
BEGIN_S = 4  # until an attack holds what it can; its connections and signatures are a flood of their own
VICTIMS = 40  # recipients at a push service that hangs
FIRST_VICTIM = 1_000_000  # by the number of `Person.of`
ATTACKERS = 400  # connections
READERS = 200  # of them read nothing
FULL_BODY = 8000


@dataclass(frozen=True)
class Target:
    """Attacked server, and its database."""

    port: int
    database: str

    @property
    def victims(self) -> list[Person]:
        """The people who are registered where nobody answers."""
        return [Person.of(FIRST_VICTIM + number) for number in range(VICTIMS)]


def run_attack(name: str, target: Target) -> None:
    """Run the attack of this *name* for as long as honest calls are measured."""

    async def attack() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(BEGIN_S + SECONDS):
                await ATTACKS[name](target)

    asyncio.run(attack())


async def _repeat(target: Target) -> None:
    """Send one dial to a recipient that hangs, word for word, over all connections."""
    dial = make_call("dial", Person.of(2_000_000), target.victims[0])

    async def send(_: int) -> None:
        await post(target.port, dial, "127.0.1.1")

    await _go_on(send)


async def _hold(target: Target) -> None:
    """Call many recipients that hang, each time as a new sender, from many addresses."""
    victims = target.victims

    async def send(number: int) -> None:
        sender, victim = Person.of(random.getrandbits(40)), victims[number % VICTIMS]
        await post(target.port, make_call("dial", sender, victim), f"127.0.2.{number % 20 + 1}")

    await _go_on(send)


async def _crowd(target: Target) -> None:
    """Do the same from one address."""
    victims = target.victims

    async def send(number: int) -> None:
        sender, victim = Person.of(random.getrandbits(40)), victims[number % VICTIMS]
        await post(target.port, make_call("dial", sender, victim), "127.0.3.1")

    await _go_on(send)


async def _never_read(target: Target) -> None:
    """Ask for files, and read nothing."""

    async def ask(_: int) -> None:
        with socket.socket() as opened:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            opened.setblocking(False)  # noqa: FBT003 - the standard library's
            await asyncio.get_running_loop().sock_connect(opened, ("127.0.0.1", target.port))
            with suppress(BlockingIOError):
                opened.send(b"GET /js/whisper.js HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            await asyncio.sleep(BEGIN_S + SECONDS)

    await _go_on(ask, READERS)


async def _dribble(target: Target) -> None:
    """Send bodies byte by byte."""

    async def send(_: int) -> None:
        __, writer = await asyncio.open_connection("127.0.0.1", target.port, local_addr=("127.0.4.1", 0))
        head = f"POST /dial HTTP/1.1\r\nHost: x\r\nContent-Length: {FULL_BODY}\r\n\r\n"
        writer.write(head.encode())
        while True:
            writer.write(b" ")
            await asyncio.sleep(1)

    await _go_on(send)


async def _lock(target: Target) -> None:
    """Update one address whose row is locked: each is a statement that hangs."""
    holder = await asyncpg.connect(target.database)
    person, subscription = target.victims[0], Subscription.at("https://fcm.googleapis.com", 0)

    async def send(number: int) -> None:
        if number < 10:  # noqa: PLR2004 - half of the server's pool
            await post(target.port, make_update(person, subscription), "127.0.5.1")
        else:
            await asyncio.sleep(SECONDS)

    async with holder.transaction():
        await holder.execute("SELECT 1 FROM subscription WHERE address = $1 FOR UPDATE", person.raw)
        await _go_on(send)


Attack = Callable[[Target], Coroutine[Any, Any, None]]

ATTACKS: dict[str, Attack] = {
    "one call, repeated": _repeat,
    "many recipients that hang": _hold,
    "many senders of one address": _crowd,
    "clients that never read": _never_read,
    "bodies that dribble": _dribble,
    "a database look-up that hangs": _lock,
}


async def _go_on(act: Callable[[int], Awaitable[None]], attackers: int = ATTACKERS) -> None:
    """Let all attackers *act* again and again, a second after each end."""

    async def one(number: int) -> None:
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            with suppress(OSError):
                await act(number)

    async with asyncio.TaskGroup() as group:
        for number in range(attackers):
            group.create_task(one(number))


async def post(port: int, request: Request, place: str) -> None:
    """Send *request* from the IP address *place*, and wait for the end of its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(place, 0))
    try:
        head = f"POST {request.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(request.body)}\r\n\r\n".encode() + request.body)
        await reader.read()
    finally:
        writer.transport.abort()
