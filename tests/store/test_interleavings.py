"""Random interleavings of what devices do: no address loses a live subscription, or keeps one that ended."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from app.store.database import Database
from app.store.errors import StaleUpdate
from app.store.subscriptions import Subscriptions
from tests.databases import open_database
from tests.people import Person
from tests.vector_files import subscription_at

NOW = 1_760_000_000_000
DEVICES = 5

Run = Callable[[Coroutine[Any, Any, None]], None]

# Steps that are taken at the same time, each by a device; one that comes late was signed before the others.
STEPS = st.tuples(
    st.sampled_from(["start", "update", "end", "gone", "forget"]),
    st.integers(0, DEVICES - 1),
    st.integers(0, 3),
)
STORIES = st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=1, max_size=2)


@dataclass
class Environment:
    """A person with devices, and what is true of each of them by the times of what was done."""

    subscriptions: Subscriptions
    person: Person = field(default_factory=Person)
    registered: dict[int, int] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)
    forgotten: int = 0

    async def take(self, step: str, device: int, sent_at: int) -> None:
        """Take one step; what is refused has not happened."""
        address, browser = self.person.address, subscription_at(f"https://fcm.googleapis.com/{device}")
        try:
            if step in ("start", "update"):
                await self.subscriptions.upsert(address, browser, sent_at, sent_at)
                self.registered[device] = max(sent_at, self.registered.get(device, 0))
            elif step == "end":
                for each in await self.subscriptions.get(address, NOW):
                    if each.target == browser.target:
                        await self.subscriptions.end(address, each, sent_at)
                        self.ended[device] = max(sent_at, self.ended.get(device, 0))
            elif step == "gone":
                await self.subscriptions.delete_if_current(address, browser.target, NOW)
                self.registered.pop(device, None)
            else:
                await self.subscriptions.tombstone(address, sent_at)
                self.forgotten = max(sent_at, self.forgotten)
        except StaleUpdate:
            pass

    @property
    def live(self) -> set[str]:
        """The endpoints of the devices that must be found, and no others."""
        return {
            f"https://fcm.googleapis.com/{device}"
            for device, at in self.registered.items()
            if at > max(self.forgotten, self.ended.get(device, 0))
        }


@pytest.fixture(scope="module")
def run(migrated: URL, empty_tables: Callable[[], None]) -> Iterator[tuple[asyncio.Runner, Database]]:
    """Yield a loop with a database for all stories: each has a person of its own."""
    with asyncio.Runner() as runner:
        opened = open_database(migrated)
        database = runner.run(opened.__aenter__())
        yield runner, database
        runner.run(opened.__aexit__(None, None, None))
    empty_tables()


@given(story=STORIES)
@settings(max_examples=1000, deadline=None)
def test_no_interleaving_loses_a_live_subscription(
    run: tuple[asyncio.Runner, Database], story: list[list[tuple[str, int, int]]]
) -> None:
    """Whatever starts, registers again, ends, is found gone or forgets at the same time."""
    runner, database = run
    environment = Environment(Subscriptions(database))

    async def tell() -> None:
        for at, steps in zip(count(NOW, 100), story, strict=False):
            # What is found gone is told apart: it has no time of its own.
            apart = [step for step in steps if step[0] == "gone"]
            at_once = [step for step in steps if step[0] != "gone"]
            signed = [
                (step, device, at + 10 * n - 15 * late) for n, (step, device, late) in enumerate(at_once)
            ]
            await asyncio.gather(*(environment.take(*each) for each in signed))
            for step, device, _ in apart:
                await environment.take(step, device, NOW)
        found = await environment.subscriptions.find_maybe_stale(environment.person.address, NOW)
        assert {each.target.endpoint.url for each in found} == environment.live, story

    runner.run(tell())
