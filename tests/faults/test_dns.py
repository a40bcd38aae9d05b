"""DNS failures: name servers that know nothing, fail or hang; callers are told, and others do not wait."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import URL

from tests.deadlines import MARGIN_S, SHORT
from tests.hostile.fake_internet import Internet, PushReceiver, post, settings_for, update, whisper
from tests.people import Person

pytestmark = pytest.mark.anyio

PLACE = ["142.250.74.10"]
KNOWN, ALSO_KNOWN = "fcm.googleapis.com", "jmt17.google.com"
NOWHERE = "nowhere.push.services.mozilla.com"
BROKEN = "broken.push.services.mozilla.com"
HANGING = [f"hanging{number}.push.services.mozilla.com" for number in range(6)]
PROMPT_S = 10  # less than a name hangs
# After which each look-up has been tried three times.
THIRD_ATTEMPT_S = 2 * SHORT.look_up_s + sum(SHORT.retry_pauses_s) + 0.1


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    """Run an Internet in which some names hang for 30 s."""
    async with Internet.running({KNOWN: PLACE, ALSO_KNOWN: PLACE}) as running:
        running.slow.update(HANGING)
        yield running


@pytest.fixture
async def client(internet: Internet, migrated: URL) -> AsyncIterator[httpx.AsyncClient]:
    """Serve on that Internet; one name server says that it has failed."""

    def look_up(host: str, port: int, family: int, kind: int) -> list[Any]:
        if host == BROKEN:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return internet.look_up(host, port, family, kind)

    network = replace(internet.network, look_up=look_up)
    async with whisper(settings_for(migrated, "browsers"), network, deadlines=SHORT) as opened:
        yield opened


async def call_at(client: httpx.AsyncClient, host: str) -> httpx.Response:
    """Register somebody at *host*, and call them."""
    bob = Person()
    registered = await post(client, update(bob, PushReceiver().at(f"https://{host}/push/x")))
    assert registered.status_code == 200, registered.text
    return await post(client, Person().to("ice", bob))


@pytest.mark.parametrize("host", [NOWHERE, BROKEN])
async def test_a_name_that_leads_nowhere_is_told(client: httpx.AsyncClient, host: str) -> None:
    """Nothing was sent, which the caller learns in time."""
    async with asyncio.timeout(SHORT.total_s + MARGIN_S):
        response = await call_at(client, host)

    assert (response.status_code, response.json()["code"]) == (502, "push_unreachable")


async def test_nobody_else_waits_for_names_that_hang(client: httpx.AsyncClient) -> None:
    """A name server is silent for half a minute, and its names are asked for again and again."""
    hanging = [asyncio.create_task(call_at(client, host)) for host in HANGING]
    await asyncio.sleep(THIRD_ATTEMPT_S)

    async with asyncio.timeout(PROMPT_S):
        others = [await call_at(client, host) for host in (KNOWN, ALSO_KNOWN)]

    assert {response.status_code for response in others} == {200}
    assert {response.status_code for response in await asyncio.gather(*hanging)} == {502}
