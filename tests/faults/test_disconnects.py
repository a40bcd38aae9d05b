"""Clients that leave while their push is on its way: it arrives once, and nothing of them stays."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.faults.harness.cluster import Cluster
from tests.faults.harness.delivery_checks import count_pushes
from tests.faults.harness.load_generator import register_users
from tests.faults.harness.scenario import start_scenario
from tests.faults.harness.server_process import RunningServer, run_server
from tests.people import body, now_ms
from tests.push_service import PushService

pytestmark = pytest.mark.anyio

LEAVERS = 30  # no more are on their way to one endpoint
ROOM = 90  # calls at once, half of them to one push service: what a leaver kept would soon be missed
PUSH_S = 1
HEAD = b"POST /ice HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: a close is a reset


@pytest.fixture(scope="module")
def running(steady_cluster: Cluster, push: PushService) -> Iterator[RunningServer]:
    """Run a server with little room."""
    with run_server(steady_cluster, push, env={"WHISPER_MAX_IN_FLIGHT": str(ROOM)}) as started:
        yield started


def leave(running: RunningServer, calls: list[dict[str, Any]], *, rudely: bool) -> ExitStack:
    """Send each of *calls* over a connection of its own; return what then closes them."""
    with ExitStack() as connections:
        for call in calls:
            content = body(call)
            leaver = socket.create_connection(("127.0.0.1", running.deployment.port))
            connections.enter_context(leaver)
            if rudely:
                leaver.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            leaver.sendall(HEAD % len(content) + content)
        return connections.pop_all()


@pytest.mark.parametrize("rudely", [False, True], ids=["by a close", "by a reset"])
async def test_who_leaves_during_a_push_leaves_nothing(
    running: RunningServer, push: PushService, *, rudely: bool
) -> None:
    """Thirty do; each message arrives once, also when its sender comes back and says it again."""
    async with start_scenario(running) as scenario:
        (bob,) = await register_users(push, scenario.caller, count=1)
        now = now_ms()
        calls = [scenario.users[0].person.to("ice", bob.person, b=now + number) for number in range(LEAVERS)]
        push.script([{"delay": PUSH_S, "forever": True}], bob.token)
        async with scenario.traffic() as traffic:
            async with asyncio.timeout(20):
                with leave(running, calls, rudely=rudely):
                    while count_pushes(push, bob) < LEAVERS:
                        await asyncio.sleep(0.01)
            await asyncio.sleep(PUSH_S)
            again = [await scenario.caller.send(call) for call in calls]
        await scenario.assert_recovered(traffic, endings=[(200, None)])

    assert {sample.status for sample in again} == {200}
    assert count_pushes(push, bob) == len(bob.browser.decrypted) == LEAVERS
