"""Limits of unregistered addresses: calls to nobody, and calls of anybody."""

from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from asgi_lifespan import LifespanManager

from app.limits.token_bucket import Rate
from app.main import create_app
from app.settings import Settings
from tests.api.conftest import Registered, post, register
from tests.people import Person
from tests.push_service import PushService
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio

BURST = 20
OFTEN = Rate(10_000, 1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return settings in which nothing but these two limits is reached."""
    raised = ("dial", "calls", "client_calls", "recipient", "new_addresses", "updates")
    few = {f"limit_{name}": Rate(BURST, 3600) for name in ("unknown_recipients", "unregistered_senders")}
    return settings.model_copy(update={f"limit_{name}": OFTEN for name in raised} | few)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[LifespanManager]:
    """Run the application."""
    async with LifespanManager(create_app(settings)) as running:
        yield running


@pytest.fixture
async def here(app: LifespanManager) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client at one address."""
    transport = httpx.ASGITransport(app.app, client=("198.51.100.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://whisper") as opened:
        yield opened


@pytest.fixture
async def elsewhere(app: LifespanManager) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client at another address."""
    transport = httpx.ASGITransport(app.app, client=("198.51.100.2", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://whisper") as opened:
        yield opened


@pytest.fixture
async def bob(elsewhere: httpx.AsyncClient, push_service: PushService) -> Registered:
    """Return somebody who is registered."""
    return await register(elsewhere, Person(), push_service.subscribe())


async def codes(client: httpx.AsyncClient, calls: list[tuple[Person, Person]]) -> Counter[str]:
    """Dial, and return how often it ended with which code."""
    ended: Counter[str] = Counter()
    for sender, recipient in calls:
        answer = (await post(client, sender.to("dial", recipient))).json()
        ended[answer.get("code", "ok")] += 1
    return ended


async def test_calls_to_nobody_are_limited_by_the_client(
    here: httpx.AsyncClient, elsewhere: httpx.AsyncClient, bob: Registered
) -> None:
    """A registered sender asks for address after address; at another client's address it may go on."""
    guesses = [(bob.person, Person()) for _ in range(BURST + 5)]

    ended, there = await codes(here, guesses), await codes(elsewhere, guesses[:1])

    assert ended == {"unknown_recipient": BURST, "too_many_calls": 5}
    assert there == {"unknown_recipient": 1}


async def test_fresh_keys_are_limited_by_the_client(
    here: httpx.AsyncClient, elsewhere: httpx.AsyncClient, bob: Registered
) -> None:
    """A new key for each call is no way around a limit; nothing is pushed beyond it."""
    ended = await codes(here, [(Person(), bob.person) for _ in range(BURST + 5)])
    there = await codes(elsewhere, [(Person(), bob.person)])

    assert (ended, there) == ({"ok": BURST, "too_many_calls": 5}, {"ok": 1})
    assert len(bob.pushed) == BURST + 1


async def test_endpoints_that_are_not_allowed_are_limited_by_the_client(here: httpx.AsyncClient) -> None:
    """Each with a fresh key: a refusal before anything is stored costs a signature's verification, too."""
    forbidden = subscription_json("https://push.example.org/x")

    ended = Counter([(await post(here, Person().update(forbidden))).json()["code"] for _ in range(BURST + 5)])

    assert ended == {"endpoint_not_allowed": BURST, "too_many_calls": 5}


async def test_a_registered_sender_is_not_limited_so(
    here: httpx.AsyncClient, push_service: PushService, bob: Registered
) -> None:
    """Only who can't be called back is."""
    alice = (await register(here, Person(), push_service.subscribe())).person

    assert await codes(here, [(alice, bob.person)] * (2 * BURST)) == {"ok": 2 * BURST}
