"""Connection setup time: two peers, from the dial to the open data channel."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import fmean, median

from bench.harness.processes import Program, whisper
from tests.deployment import PushServiceProcess, pushing
from whisper_peer import Peer

CONNECTIONS = 10
CALLS = 3  # dial, offer, answer


@dataclass(frozen=True, slots=True)
class Connection:
    """Cost of one connection: seconds until the channel was open, seconds of server CPU, pushes."""

    seconds: float
    cpu: float
    pushes: float

    def sentence(self, p50: float) -> str:
        """Format the result; *p50* is how long one call takes when there is no other, in seconds."""
        return (
            f"from dial to open channel {1000 * self.seconds:.0f} ms, {self.pushes:.0f} pushes; "
            f"the server: {1000 * CALLS * p50:.1f} ms for {CALLS} calls, {1000 * self.cpu:.1f} ms of CPU"
        )


def measure(database_url: str) -> Connection:
    """Connect two people again and again, and return what it takes."""
    with _run_server(database_url) as (server, push_service):
        return asyncio.run(_connect(server, push_service))


@contextmanager
def _run_server(database_url: str) -> Iterator[tuple[Program, PushServiceProcess]]:
    with ExitStack() as opened:
        push_service = opened.enter_context(pushing())
        server = opened.enter_context(whisper(database_url, [push_service.origin]))
        yield server, push_service


async def _connect(server: Program, push_service: PushServiceProcess) -> Connection:
    async with AsyncExitStack() as opened:
        started = [Peer(server.url, push_service=push_service.websocket_url) for _ in range(2)]
        alice, bob = [await opened.enter_async_context(peer) for peer in started]
        once = partial(_once, alice, bob, server, push_service)
        await once()  # connections to the database and to the push service are made
        found = [await once() for _ in range(CONNECTIONS)]
        return Connection(
            seconds=median(each.seconds for each in found),
            cpu=fmean(
                each.cpu for each in found
            ),  # the kernel counts in ticks of 10 ms: no single one is true
            pushes=fmean(each.pushes for each in found),
        )


async def _once(alice: Peer, bob: Peer, server: Program, push_service: PushServiceProcess) -> Connection:
    push_service.clear()  # the closing of the last channel was pushed too
    cpu, began = server.cpu(), time.perf_counter()
    channel = await alice.dial(bob.address)
    found = Connection(time.perf_counter() - began, server.cpu() - cpu, push_service.taken)
    answered = await bob.accept()
    await channel.close()
    await answered.close()
    return found
