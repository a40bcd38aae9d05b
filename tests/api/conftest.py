"""A registered recipient, and the pushes that reached them."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conftest import Clock
from tests.people import Person, body
from tests.push_service import PushService, Subscription
from tests.vector_files import subscription_json


@dataclass(frozen=True)
class Registered:
    """Registered person, and the browser that receives their pushes."""

    person: Person
    browser: Subscription

    @property
    def pushed(self) -> list[dict[str, Any]]:
        """Every message that reached the browser, decrypted."""
        return [json.loads(message) for message in self.browser.decrypted]


class FaultyClock(Clock):
    """Server clock that raises a *fault* once, when a test sets one: a fault of the server itself."""

    fault: Exception | None = None

    def __call__(self) -> int:
        """Return the time, ms since the Unix epoch; raise the fault, once, if there is one."""
        if self.fault:
            fault, self.fault = self.fault, None
            raise fault
        return super().__call__()


async def post(client: httpx.AsyncClient, call: dict[str, Any], path: str | None = None) -> httpx.Response:
    """Post *call* to the path of its method, or to another."""
    return await client.post(path or f"/{call['a']}", content=body(call))


async def register(client: httpx.AsyncClient, person: Person, browser: Subscription) -> Registered:
    """Register *person* with *browser*."""
    update = person.update(subscription_json(browser.endpoint, browser.p256dh, browser.auth))
    response = await post(client, update)
    assert response.status_code == 200, response.text
    return Registered(person, browser)


@pytest.fixture
async def registered(client: httpx.AsyncClient, bob: Person, push_service: PushService) -> Registered:
    """Return Bob, registered and reachable."""
    return await register(client, bob, push_service.subscribe())
