"""Fault scenario: a server under load, and the checks that follow a fault."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.faults.harness.delivery_checks import lost_updates, undelivered_calls
from tests.faults.harness.load_generator import Caller, Traffic, open_caller, register_users, run_load
from tests.faults.harness.recovery import ResourceUsage, assert_recovered, warm_up
from tests.faults.harness.server_process import RunningServer, User

OK = (200, None)
UNAVAILABLE = (503, "database_unavailable")
PADDING_S = 0.5  # of load before a fault, and after it


@dataclass(frozen=True)
class Scenario:
    """A server, its users, and its resource usage *before* the fault."""

    server: RunningServer
    caller: Caller
    users: list[User]
    before: ResourceUsage

    @asynccontextmanager
    async def traffic(self) -> AsyncIterator[Traffic]:
        """Run load until the block ends, and a little before and after."""
        async with run_load([self.caller], self.users) as traffic:
            await asyncio.sleep(PADDING_S)
            yield traffic
            await asyncio.sleep(PADDING_S)

    async def assert_recovered(
        self, traffic: Traffic | None = None, endings: Sequence[tuple[int, str | None]] = (OK, UNAVAILABLE)
    ) -> None:
        """Fail unless calls had these *endings*, nothing acknowledged is lost, and usage is as before."""
        if traffic:
            assert set(traffic.codes) <= set(endings), traffic.codes
            assert undelivered_calls(traffic, self.users) == []
            assert lost_updates(traffic, self.server) == []
        assert self.server.tracebacks == 0, self.server.program.output
        await assert_recovered(self.server, self.caller, self.users, self.before)


@asynccontextmanager
async def start_scenario(running: RunningServer) -> AsyncIterator[Scenario]:
    """Register users at the server *running*, warm it up and yield the scenario."""
    async with open_caller(running.url) as caller:
        users = await register_users(running.push, caller)
        yield Scenario(running, caller, users, await warm_up(running, caller, users))
