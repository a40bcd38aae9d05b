"""Pushes through an egress proxy: it connects, resolves and guards; nothing goes past it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import URL

from app.store.subscriptions import Subscriptions
from tests.deadlines import SHORT
from tests.hostile.connect_proxy import PASSWORD, ConnectProxy
from tests.hostile.fake_internet import Internet, PushReceiver, post, settings_for, update, whisper
from tests.people import Person, now_ms
from tests.push_service import PushService
from tests.vector_files import subscription_at

pytestmark = pytest.mark.anyio

HOST = "fcm.googleapis.com"
ENDPOINT = f"https://{HOST}/fcm/send/x"
NAMES = {HOST: ["142.250.74.10"], "up.example.org": ["93.184.215.14"]}


@dataclass(frozen=True)
class Environment:
    """A server, the Internet, and the proxy between them."""

    client: httpx.AsyncClient
    internet: Internet
    proxy: ConnectProxy

    async def dial(self, bob: Person) -> str:
        """Let somebody dial *bob*, and return the code of the answer."""
        answer = await post(self.client, Person().to("dial", bob))
        return str(answer.json().get("code", "ok"))


@asynccontextmanager
async def opened(database: URL, *endpoints: str, url: str | None = None) -> AsyncIterator[Environment]:
    """Run a server whose pushes go through the proxy at *url*, or through one that runs here."""
    async with Internet.running(NAMES) as internet, ConnectProxy.running(internet) as proxy:
        settings = settings_for(database, *endpoints)
        changed = {"egress_proxy": SecretStr(url or proxy.url)}
        async with whisper(settings.model_copy(update=changed), internet.network, deadlines=SHORT) as client:
            yield Environment(client, internet, proxy)


@pytest.fixture
async def environment(migrated: URL, subscriptions: Subscriptions, bob: Person) -> AsyncIterator[Environment]:
    """Run a server in both modes, with Bob at a browser's push service."""
    await subscriptions.upsert(bob.address, subscription_at(ENDPOINT), None, now_ms())
    async with opened(migrated, "browsers", "public") as running:
        yield running


async def test_a_push_goes_through_the_proxy(environment: Environment, bob: Person) -> None:
    """With TLS to the push service itself: the proxy sees its name, and the server resolves none."""
    code = await environment.dial(bob)

    assert (code, environment.proxy.asked) == ("ok", [f"{HOST}:443"])
    assert [request.name for request in environment.internet.requests] == [HOST]
    assert environment.internet.look_ups == {}


async def test_an_untrusted_endpoint_goes_through_the_proxy(environment: Environment) -> None:
    """Which guards the addresses: the server can't see them."""
    phone, url = PushReceiver(), "https://up.example.org/x"

    answer = await post(environment.client, update(Person(), phone.at(url)))

    assert answer.json()["code"] == "endpoint_unverified"
    assert environment.proxy.asked == ["up.example.org:443"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000,
        b"HTTP/1.1 200 Connection established\r\n\r\nnot TLS",
    ],
    ids=["forbidden", "password", "no HTTP", "endless head", "no TLS"],
)
async def test_a_proxy_that_refuses_is_told_as_unreachable(
    environment: Environment, bob: Person, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing was sent; the log says it once, and never the password."""
    caplog.set_level(logging.DEBUG)
    environment.proxy.answer = answer

    codes = [await environment.dial(bob) for _ in range(2)]

    assert (codes, environment.internet.requests) == (["push_unreachable"] * 2, [])
    assert len([each for each in caplog.records if "egress proxy" in each.message]) == 1
    assert PASSWORD not in caplog.text


async def test_a_proxy_that_hangs_is_left_in_time(environment: Environment, bob: Person) -> None:
    """It is a part of connecting, which has its deadline."""
    environment.proxy.hangs = True

    async with asyncio.timeout(SHORT.total_s + 1):
        code = await environment.dial(bob)

    assert (code, environment.internet.requests) == ("push_unreachable", [])


async def test_a_refusal_of_the_proxy_is_logged_once(
    environment: Environment, bob: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """With its status: an operator reads there why nobody is reached."""
    environment.proxy.answer = b"HTTP/1.1 403 Forbidden\r\n\r\n"

    for _ in range(2):
        await environment.dial(bob)

    (record,) = [each for each in caplog.records if "egress proxy" in each.message]
    assert "403" in record.message


async def test_without_the_proxy_nobody_is_reached(
    migrated: URL, subscriptions: Subscriptions, bob: Person
) -> None:
    """There is no way past it."""
    await subscriptions.upsert(bob.address, subscription_at(ENDPOINT), None, now_ms())
    async with opened(migrated, "browsers", url="http://127.0.0.1:1") as environment:
        code = await environment.dial(bob)

    assert (code, environment.internet.connected) == ("push_unreachable", [])


async def test_a_trusted_origin_is_not_behind_the_proxy(
    migrated: URL, subscriptions: Subscriptions, push_service: PushService, bob: Person
) -> None:
    """It may be private, where a proxy leads nowhere."""
    browser = push_service.subscribe()
    subscription = subscription_at(browser.endpoint, browser.p256dh, browser.auth)
    await subscriptions.upsert(bob.address, subscription, None, now_ms())
    async with opened(migrated, push_service.origin) as environment:
        code = await environment.dial(bob)

    assert (code, environment.proxy.asked) == ("ok", [])
