"""WebSocket side, with the promises that Firefox relies on."""

import aiohttp
import pytest

from tests.push_service.sender import Sender
from tests.push_service.service import PushService
from tests.push_service.user_agent import Browser

pytestmark = pytest.mark.anyio


async def test_a_message_travels_from_sender_to_browser(browser: Browser, sender: Sender) -> None:
    """Hello, register, POST, notification: and it opens with the browser's keys."""
    async with browser.online() as connection:
        await browser.subscribe(connection, key=sender.key)
        answer = await sender.push(browser, b"ring", ttl="60")
        notification = await connection.hear()

    assert answer.status == 201
    assert {**notification, "version": "", "data": ""} == {
        "messageType": "notification",
        "channelID": browser.channel_id,
        "version": "",
        "ttl": 60,
        "data": "",
        "headers": {"encoding": "aes128gcm"},
    }
    assert browser.open(notification) == b"ring"


async def test_hello_is_answered_as_firefox_expects(browser: Browser) -> None:
    """With a name, a status and an echo of use_webpush."""
    async with browser.socket() as connection:
        hello = await connection.ask("hello", use_webpush=True, broadcasts={"remote-settings/monitor": "1"})

    assert hello == {
        "messageType": "hello",
        "uaid": hello["uaid"],
        "status": 200,
        "use_webpush": True,
        "broadcasts": {},
    }
    assert len(hello["uaid"]) == 32


async def test_a_stale_name_is_replaced(browser: Browser) -> None:
    """A push service that has lost its memory says so with a new name."""
    browser.uaid = "00" * 16

    async with browser.online():
        pass

    assert browser.uaid != "00" * 16


async def test_the_subprotocol_is_agreed_on(browser: Browser) -> None:
    """Firefox asks for `push-notification` and must get it."""
    async with browser.socket() as connection:
        assert connection.socket.protocol == "push-notification"


async def test_register_answers_the_endpoint(browser: Browser, service: PushService) -> None:
    """An endpoint is on this service's origin and can't be guessed."""
    async with browser.online() as connection:
        registered = await browser.subscribe(connection)

    token = browser.endpoint.removeprefix(f"{service.origin}/push/")
    assert (registered["messageType"], registered["channelID"], registered["status"], len(token)) == (
        "register",
        browser.channel_id,
        200,
        43,
    )


async def test_registering_again_answers_the_same_endpoint(browser: Browser, sender: Sender) -> None:
    """Also with the padding that Firefox puts behind the key."""
    async with browser.online() as connection:
        first = await browser.subscribe(connection, key=sender.key)
        second = await browser.subscribe(connection, key=sender.key + "=")

    assert first == second


async def test_registering_again_for_another_key_is_a_conflict(
    browser: Browser, sender: Sender, session: aiohttp.ClientSession
) -> None:
    """A channel belongs to one application server."""
    async with browser.online() as connection:
        await browser.subscribe(connection, key=sender.key)
        registered = await browser.subscribe(connection, key=Sender(session).key)

    assert (registered["status"], registered.get("pushEndpoint")) == (409, None)


async def test_a_stranger_may_not_send_to_a_restricted_channel(
    browser: Browser, sender: Sender, session: aiohttp.ClientSession
) -> None:
    """The key of the subscription is the only one that may."""
    async with browser.online() as connection:
        await browser.subscribe(connection, key=sender.key)

        answer = await Sender(session).push(browser)

    assert answer.status == 403


async def test_an_unregistered_channel_is_gone(browser: Browser, sender: Sender) -> None:
    """Its endpoint answers 410 from then on, and registering again gives another."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
        old = browser.endpoint
        unregistered = await connection.ask("unregister", channelID=browser.channel_id, code=200)
        answer = await sender.push(browser)
        await browser.subscribe(connection)

    assert unregistered == {"messageType": "unregister", "channelID": browser.channel_id, "status": 200}
    assert answer.status == 410
    assert browser.endpoint != old


@pytest.mark.parametrize("code", [100, 101, 102])
async def test_an_ack_is_recorded(code: int, browser: Browser, sender: Sender, service: PushService) -> None:
    """Delivered, not decrypted or not delivered: the log knows."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
        await sender.push(browser)
        notification = await connection.hear()
        await browser.acknowledge(connection, notification["version"], code)

    assert service.received[0].ack == code


async def test_an_ack_for_somebody_else_is_ignored(
    browser: Browser, service: PushService, sender: Sender
) -> None:
    """A user agent speaks for its own channels."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
        await sender.push(browser)
        version = (await connection.hear())["version"]
        await connection.say("ack", updates=[{"channelID": "another", "version": version, "code": 100}])
        assert await connection.silent()

    assert service.received[0].ack is None


async def test_a_message_without_a_body_carries_no_data(browser: Browser, sender: Sender) -> None:
    """Firefox then delivers a push event without data."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
        await sender.post(browser.endpoint, b"", content_encoding=None)

        notification = await connection.hear()

    assert "data" not in notification
    assert "headers" not in notification


async def test_a_ping_is_answered(browser: Browser) -> None:
    """`{}` with `{}`."""
    async with browser.online() as connection:
        assert await connection.silent()


@pytest.mark.parametrize("message_type", ["nack", "broadcast_subscribe"])
async def test_what_has_no_use_here_is_ignored(message_type: str, browser: Browser) -> None:
    """Firefox says more than this push service needs."""
    async with browser.online() as connection:
        await connection.say(message_type, broadcasts={}, version="1", code=301)

        assert await connection.silent()
