"""Floods of keys, each of them new: most calls are refused, and no more is remembered than may be."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tests.faults.aftermath import MEMORY_SLACK, holdings
from tests.faults.cluster import Cluster
from tests.faults.scene import OK, Scene, scene
from tests.faults.site import Site, site
from tests.faults.traffic import calling
from tests.people import Person, now_ms
from tests.push_service import PushService
from tests.vectors_of import subscription_json

pytestmark = pytest.mark.anyio

MANY = 10_000
AT_ONCE = 20
NEW_ADDRESSES = 30  # of one place at once, as is the default; then one in two minutes
REFUSED_SIGNATURES = 20  # then one in three seconds
SLOWLY = 5  # more that a slow machine lets in meanwhile
TOO_MANY = (429, "too_many_calls")
BAD = (401, "bad_signature")

# What people at other places do is not what is limited here.
LIMITS = {
    "WHISPER_RATE_LIMITS": "on",
    "WHISPER_LIMIT_DIAL": "10000/60s",
    "WHISPER_LIMIT_CALLS": "10000/60s",
    "WHISPER_LIMIT_RECIPIENT": "10000/60s",
    "WHISPER_LIMIT_RECIPIENT_HOUR": "10000/60s",
    "WHISPER_LIMIT_UPDATES": "10000/60s",
}


@pytest.fixture(scope="module")
def running(steady_cluster: Cluster, push: PushService) -> Iterator[Site]:
    """Run a server that limits what a place may do."""
    with site(steady_cluster, push, env=LIMITS) as started:
        yield started


@pytest.fixture(scope="module")
async def here(running: Site) -> AsyncIterator[Scene]:
    """Let people use the server."""
    async with scene(running) as begun:
        yield begun


def new_address() -> dict[str, Any]:
    """Return the first update of somebody new."""
    return Person().update(subscription_json("https://fcm.googleapis.com/x"), sent_at=now_ms())


def forgery() -> dict[str, Any]:
    """Return an update that somebody else signed."""
    return new_address() | {"c": Person().sign(b"something else")}


async def flood(
    here: Scene, place: str, make: Callable[[], dict[str, Any]]
) -> Counter[tuple[int, str | None]]:
    """Send ten thousand calls from *place*; return how often they ended in which way."""
    ended: Counter[tuple[int, str | None]] = Counter()

    async def send() -> None:
        for _ in range(MANY // AT_ONCE):
            sample = await caller.send(make())
            ended[sample.status, sample.code] += 1

    async with calling(here.site.url, place, lasting=True) as caller:
        await asyncio.gather(*(send() for _ in range(AT_ONCE)))
    return ended


async def test_ten_thousand_new_keys_are_mostly_refused(here: Scene) -> None:
    """A place adds as many addresses as it may, and not a row or a megabyte more; others call meanwhile."""
    before = holdings(here.site).memory

    async with here.traffic() as traffic:
        ended = await flood(here, "127.0.0.2", new_address)

    assert ended.keys() == {OK, TOO_MANY}
    assert NEW_ADDRESSES <= ended[OK] <= NEW_ADDRESSES + SLOWLY
    assert len(here.site.rows("1")) == ended[OK] + len(here.people)
    assert holdings(here.site).memory < before + MEMORY_SLACK
    await here.assert_well(traffic, endings=[OK])


async def test_ten_thousand_bad_signatures_are_mostly_not_looked_at(here: Scene) -> None:
    """Nor do they cost memory, or anybody at another place a call."""
    before = holdings(here.site).memory

    async with here.traffic() as traffic:
        ended = await flood(here, "127.0.0.3", forgery)

    assert ended.keys() == {BAD, TOO_MANY}
    assert REFUSED_SIGNATURES <= ended[BAD] < MANY / 20
    assert holdings(here.site).memory < before + MEMORY_SLACK
    await here.assert_well(traffic, endings=[OK])
