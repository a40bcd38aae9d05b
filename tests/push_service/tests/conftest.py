"""A push service that runs, and application servers that send to it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.push_service.sender import TIMEOUT, Sender
from tests.push_service.service import PushService
from tests.push_service.user_agent import Browser


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    """Run a push service on a free port."""
    async with PushService.running() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open an HTTP client."""
    async with aiohttp.ClientSession(timeout=TIMEOUT) as opened:
        yield opened


@pytest.fixture
def sender(session: aiohttp.ClientSession) -> Sender:
    """Make an application server."""
    return Sender(session)


@pytest.fixture
def browser(session: aiohttp.ClientSession, service: PushService) -> Browser:
    """Make a user agent."""
    return Browser(session, service.websocket_url)
