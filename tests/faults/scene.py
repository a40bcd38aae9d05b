"""A server at ease, and people who use it while something happens to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.faults.aftermath import Holdings, assert_well, at_ease
from tests.faults.consequences import forgotten, undelivered
from tests.faults.site import Citizen, Site
from tests.faults.traffic import Caller, Traffic, calling, flowing, settled

OK = (200, None)
AWAY = (503, "database_unavailable")
PEACE_S = 0.5  # of traffic before a fault, and after it


@dataclass(frozen=True)
class Scene:
    """A server, people who use it, and what it held *before* anything happened."""

    site: Site
    caller: Caller
    people: list[Citizen]
    before: Holdings

    @asynccontextmanager
    async def traffic(self) -> AsyncIterator[Traffic]:
        """Let people call until the block ends, and a little before and after."""
        async with flowing([self.caller], self.people) as traffic:
            await asyncio.sleep(PEACE_S)
            yield traffic
            await asyncio.sleep(PEACE_S)

    async def assert_well(
        self, traffic: Traffic | None = None, endings: Sequence[tuple[int, str | None]] = (OK, AWAY)
    ) -> None:
        """Fail unless calls had these *endings*, nothing acknowledged is lost, and all is as before."""
        if traffic:
            assert set(traffic.codes) <= set(endings), traffic.codes
            assert undelivered(traffic, self.people) == []
            assert forgotten(traffic, self.site) == []
        assert self.site.tracebacks == 0, self.site.program.output
        await assert_well(self.site, self.caller, self.people, self.before)


@asynccontextmanager
async def scene(running: Site) -> AsyncIterator[Scene]:
    """Yield what happens at the server *running*."""
    async with calling(running.url) as caller:
        people = await settled(running.push, caller)
        yield Scene(running, caller, people, await at_ease(running, caller, people))
