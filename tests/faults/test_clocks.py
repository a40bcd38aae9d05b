"""Clock jumps and clock skew: running pushes keep their deadlines, and refusals contain the time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from asgi_lifespan import LifespanManager

from app.main import create_app
from app.push.deadlines import PRODUCTION, Deadlines
from app.settings import Settings
from tests.api.conftest import post
from tests.conftest import Clock
from tests.deadlines import MARGIN_S, SHORT
from tests.faults.harness.delivery_checks import wait_for_push
from tests.faults.harness.server_process import User
from tests.people import Person, now_ms
from tests.push_service import PushService

pytestmark = pytest.mark.anyio

HOUR_MS = 60 * 60 * 1000
JUMPS = [HOUR_MS, -HOUR_MS]
APART_MS = 3000
DIALS = 5  # at once, with the limits that a server has by default
ONE_MORE_S = 10  # then one in so many seconds


@asynccontextmanager
async def serving(
    settings: Settings, clock: Clock, deadlines: Deadlines = PRODUCTION
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve by *clock*, and yield a client; what measures how long something takes is the machine's own."""
    async with (
        LifespanManager(create_app(settings, clock, deadlines=deadlines)) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as client,
    ):
        yield client


async def register_user(client: httpx.AsyncClient, push_service: PushService) -> User:
    """Return somebody who has registered."""
    new = User(Person(), push_service.subscribe())
    assert (await post(client, new.update(now_ms()))).status_code == 200
    return new


async def dial(client: httpx.AsyncClient, bob: User, at: int, alice: Person | None = None) -> httpx.Response:
    """Let Alice, whose clock says *at*, dial Bob."""
    return await post(client, (alice or Person()).to("dial", bob.person, b=at))


async def jumping(settings: Settings, push_service: PushService, jump: int) -> tuple[int, int, float]:
    """Let the clock jump while pushes are on their way; return how they ended, and when the last did."""
    clock = Clock()
    async with serving(settings, clock, SHORT) as client:
        slow, silent = [await register_user(client, push_service) for _ in range(2)]
        push_service.script([{"delay": SHORT.attempt_s / 3}], slow.token)
        push_service.script([{"hang": "head"}], silent.token)
        began = time.monotonic()
        dialling = [asyncio.create_task(dial(client, each, now_ms())) for each in (slow, silent)]
        await asyncio.gather(wait_for_push(push_service, slow), wait_for_push(push_service, silent))
        clock.ahead = jump
        delivered, hung = await asyncio.gather(*dialling)
        return delivered.status_code, hung.status_code, time.monotonic() - began


async def test_a_jump_shortens_and_lengthens_nothing(settings: Settings, push_service: PushService) -> None:
    """A push that is on its way has all of its time, whichever way the clock goes."""
    ended = await asyncio.gather(*(jumping(settings, push_service, jump) for jump in JUMPS))

    assert {(delivered, hung) for delivered, hung, _ in ended} == {(200, 504)}
    assert all(SHORT.attempt_s <= seconds < SHORT.attempt_s + MARGIN_S for *_, seconds in ended)


@pytest.mark.parametrize("jump", JUMPS, ids=["ahead", "back"])
async def test_after_a_jump_who_is_refused_is_told_the_time(
    settings: Settings, clock: Clock, push_service: PushService, jump: int
) -> None:
    """With that time the next call succeeds."""
    async with serving(settings, clock) as client:
        bob = await register_user(client, push_service)
        clock.ahead = jump

        stale = await dial(client, bob, now_ms())
        told = await dial(client, bob, stale.json()["timestamp"])

    assert (stale.status_code, stale.json()["code"], told.status_code) == (409, "stale_timestamp", 200)
    assert abs(stale.json()["timestamp"] - now_ms() - jump) < 60_000


async def test_when_a_jump_is_taken_back_nobody_is_locked_out(
    settings: Settings, clock: Clock, push_service: PushService, alice: Person
) -> None:
    """What was counted an hour ahead is waited for as long as always, not for an hour."""
    async with serving(settings, clock) as client:
        bob = await register_user(client, push_service)
        clock.ahead = HOUR_MS
        dials = [await dial(client, bob, clock() + number, alice) for number in range(DIALS)]
        clock.ahead = 0
        limited = await dial(client, bob, now_ms(), alice)

    assert {response.status_code for response in dials} == {200}
    assert limited.json()["code"] == "too_many_calls"
    assert int(limited.headers["Retry-After"]) <= ONE_MORE_S


async def test_two_instances_three_seconds_apart_serve_the_same_people(
    settings: Settings, push_service: PushService
) -> None:
    """Whichever of the two a client takes its time from."""
    early, late = Clock(), Clock()
    late.ahead = APART_MS
    async with serving(settings, early) as first, serving(settings, late) as second:
        bob = await register_user(first, push_service)
        renewed = await post(second, bob.update(late()))
        dials = [await dial(client, bob, clock()) for client in (first, second) for clock in (early, late)]

    assert renewed.status_code == 200
    assert [response.status_code for response in dials] == [200] * 4
