"""WebSocket protocol violations: closed with a code, without effect on other user agents."""

import json

import aiohttp
import pytest
from aiohttp import WSCloseCode

from tests.push_service.service import PushService
from tests.push_service.timeouts import Timeouts
from tests.push_service.user_agent import Browser

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("", WSCloseCode.INVALID_TEXT),
        ("{", WSCloseCode.INVALID_TEXT),
        ("[" * 10_000, WSCloseCode.INVALID_TEXT),
        ("[]", WSCloseCode.POLICY_VIOLATION),
        ("null", WSCloseCode.POLICY_VIOLATION),
        ('{"messageType":"shout"}', WSCloseCode.POLICY_VIOLATION),
        ('{"messageType":7}', WSCloseCode.POLICY_VIOLATION),
        ('{"messageType":"hello"}', WSCloseCode.POLICY_VIOLATION),
        ('{"messageType":"register"}', WSCloseCode.POLICY_VIOLATION),
        ('{"messageType":"register","channelID":""}', WSCloseCode.POLICY_VIOLATION),
        ('{"messageType":"register","channelID":"1","key":"x"}', WSCloseCode.POLICY_VIOLATION),
        ('{"messageType":"register","channelID":"1","key":7}', WSCloseCode.POLICY_VIOLATION),
        ('{"messageType":"ack","updates":[{}]}', WSCloseCode.POLICY_VIOLATION),
        ('{"messageType":"ack","updates":{}}', WSCloseCode.POLICY_VIOLATION),
        (json.dumps({"messageType": "nack", "x": "x" * 70_000}), WSCloseCode.MESSAGE_TOO_BIG),
    ],
)
async def test_a_malformed_frame_closes_the_socket(frame: str, code: int, browser: Browser) -> None:
    """With a code that says why, and the next connection is fine."""
    async with browser.online() as connection:
        await connection.socket.send_str(frame)

        assert await connection.closed_with() == code

    async with browser.online() as connection:
        assert await connection.silent()


async def test_a_binary_frame_closes_the_socket(browser: Browser) -> None:
    """The protocol is text."""
    async with browser.online() as connection:
        await connection.socket.send_bytes(b"{}")

        assert await connection.closed_with() == WSCloseCode.UNSUPPORTED_DATA


async def test_hello_comes_first(browser: Browser) -> None:
    """Nobody registers without a name."""
    async with browser.socket() as connection:
        await connection.say("register", channelID="1")

        assert await connection.closed_with() == WSCloseCode.POLICY_VIOLATION


async def test_hello_comes_soon(session: aiohttp.ClientSession) -> None:
    """A socket that says nothing is not kept."""
    async with (
        PushService.running(timeouts=Timeouts(hello=0.05)) as service,
        Browser(session, service.websocket_url).socket() as connection,
    ):
        assert await connection.closed_with() == WSCloseCode.POLICY_VIOLATION


async def test_a_plain_request_is_no_websocket(service: PushService, session: aiohttp.ClientSession) -> None:
    """A person who opens the address in a browser gets an error, not a crash."""
    async with session.get(service.origin + "/") as response:
        assert response.status == 400
