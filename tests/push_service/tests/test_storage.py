"""Storage of messages for their receiver, as long as they live."""

import asyncio

import pytest

from tests.push_service.sender import Sender
from tests.push_service.user_agent import Browser

pytestmark = pytest.mark.anyio


async def test_a_message_waits_for_its_browser(browser: Browser, sender: Sender) -> None:
    """What is sent to one that is offline is delivered when it is back."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
    await sender.push(browser, b"while you were out")

    async with browser.online() as connection:
        notification = await connection.hear()

    assert browser.open(notification) == b"while you were out"


async def test_a_message_is_delivered_again_until_it_is_acknowledged(
    browser: Browser, sender: Sender
) -> None:
    """Under the same version, by which Firefox knows a duplicate."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
        await sender.push(browser)
        first = await connection.hear()
    async with browser.online() as connection:
        second = await connection.hear()
        await browser.acknowledge(connection, second["version"])
    async with browser.online() as connection:
        assert await connection.silent()

    assert first == second


async def test_a_message_does_not_outlive_its_ttl(browser: Browser, sender: Sender) -> None:
    """After that many seconds it is not delivered any more."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
    await sender.push(browser, b"short", ttl="1")
    await sender.push(browser, b"long", ttl="60")
    await asyncio.sleep(1.1)

    async with browser.online() as connection:
        notification = await connection.hear()

    assert browser.open(notification) == b"long"


async def test_a_message_with_ttl_0_is_for_now(browser: Browser, sender: Sender) -> None:
    """It reaches who is connected."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
        await sender.push(browser, b"now", ttl="0")

        notification = await connection.hear()

    assert browser.open(notification) == b"now"


async def test_a_message_with_ttl_0_does_not_wait(browser: Browser, sender: Sender) -> None:
    """It is accepted and dropped when nobody is connected (RFC 8030 section 5.2)."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
    answer = await sender.push(browser, b"now", ttl="0")

    async with browser.online() as connection:
        assert await connection.silent()

    assert answer.status == 201


async def test_a_topic_replaces_what_waits(browser: Browser, sender: Sender) -> None:
    """Of the messages of one topic, the last one is delivered (RFC 8030 section 5.4)."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
    for text, topic in ((b"old", "a"), (b"other", "b"), (b"plain", None), (b"new", "a")):
        await sender.push(browser, text, topic=topic)

    async with browser.online() as connection:
        delivered = [browser.open(await connection.hear()) for _ in range(3)]
        assert await connection.silent()

    assert delivered == [b"other", b"plain", b"new"]


async def test_a_channel_stores_100_messages(browser: Browser, sender: Sender) -> None:
    """The oldest makes room for the newest."""
    async with browser.online() as connection:
        await browser.subscribe(connection)
    for number in range(101):
        await sender.push(browser, str(number).encode())

    async with browser.online() as connection:
        delivered = [browser.open(await connection.hear()) for _ in range(100)]
        assert await connection.silent()

    assert (delivered[0], delivered[-1]) == (b"1", b"100")


async def test_a_browser_that_comes_back_is_delivered_to_once(browser: Browser, sender: Sender) -> None:
    """Over its newest connection, also when the older one ends after that."""
    async with browser.online() as newest_to_be_opened_first:
        await browser.subscribe(newest_to_be_opened_first)
    older = browser.online()
    await older.__aenter__()
    async with browser.online() as newer:
        await older.__aexit__(None, None, None)
        await sender.push(browser, b"still there")

        notification = await newer.hear()

    assert browser.open(notification) == b"still there"
