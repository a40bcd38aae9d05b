"""Scripted responses: the next answers, and nothing else."""

import asyncio
import time

import aiohttp
import pytest

from tests.push_service.sender import Sender
from tests.push_service.service import PushService

pytestmark = pytest.mark.anyio


async def test_answers_are_given_in_order_and_then_it_is_over(service: PushService, sender: Sender) -> None:
    """After the last one, messages are delivered as before."""
    subscription = service.subscribe()
    service.script([{"status": 410}, {"status": 429, "headers": {"Retry-After": "7"}, "body": "later"}])

    first, second, third = [await sender.push(subscription) for _ in range(3)]

    assert (first.status, second.status, third.status) == (410, 429, 201)
    assert (second.headers["Retry-After"], second.body) == ("7", b"later")


async def test_a_scripted_answer_delivers_nothing(service: PushService, sender: Sender) -> None:
    """Not even one that says 201."""
    subscription = service.subscribe()
    service.script([{"status": 201}])

    answer = await sender.push(subscription)

    assert (answer.status, subscription.decrypted) == (201, [])


async def test_a_script_may_be_for_one_endpoint(service: PushService, sender: Sender) -> None:
    """It goes before the one for all."""
    one, other = service.subscribe(), service.subscribe()
    service.script([{"status": 500}])
    service.script([{"status": 503}], token=one.endpoint.rpartition("/")[2])

    answers = [await sender.push(to) for to in (one, other, one)]

    assert [answer.status for answer in answers] == [503, 500, 201]


async def test_an_answer_may_be_forever(service: PushService, sender: Sender) -> None:
    """It is given again and again."""
    subscription = service.subscribe()
    service.script([{"status": 500}, {"status": 503, "forever": True}])

    answers = [await sender.push(subscription) for _ in range(4)]

    assert [answer.status for answer in answers] == [500, 503, 503, 503]


async def test_an_answer_may_be_late(service: PushService, sender: Sender) -> None:
    """After the delay, the message is handled as ever."""
    subscription = service.subscribe()
    service.script([{"delay": 0.2}])
    begun = time.monotonic()

    answer = await sender.push(subscription, b"late")

    assert (answer.status, subscription.decrypted) == (201, [b"late"])
    assert time.monotonic() - begun >= 0.2


async def test_a_late_answer_may_be_an_error(service: PushService, sender: Sender) -> None:
    """Delay and status go together."""
    service.script([{"delay": 0.01, "status": 503}])

    answer = await sender.push(service.subscribe())

    assert answer.status == 503


async def test_a_connection_may_be_closed_without_an_answer(service: PushService, sender: Sender) -> None:
    """The sender learns nothing; the log has the POST."""
    subscription = service.subscribe()
    service.script([{"disconnect": True}])

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await sender.push(subscription)

    assert [entry.status for entry in service.received] == [None]


async def test_an_answer_may_never_come(service: PushService, sender: Sender) -> None:
    """The sender has to give up by itself."""
    subscription = service.subscribe()
    service.script([{"hang": "head"}])

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sender.push(subscription), 0.1)

    assert [entry.status for entry in service.received] == [None]


@pytest.mark.parametrize("answer", [{"hang": "body", "status": 200}, {"endless": True, "status": 200}])
async def test_a_body_may_never_end(
    answer: dict[str, object], service: PushService, session: aiohttp.ClientSession
) -> None:
    """The head and the first byte are there, the end is not."""
    service.script([answer])

    async with session.post(service.subscribe().endpoint) as response:
        first = await response.content.readexactly(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(response.read(), 0.1)

    assert (response.status, len(first), service.received[0].status) == (200, 1, 200)


async def test_scripts_are_written_over_http(
    service: PushService, sender: Sender, session: aiohttp.ClientSession
) -> None:
    """PUT for one endpoint or, with *, for all; DELETE forgets them."""
    subscription = service.subscribe()
    async with session.put(f"{service.origin}/script/*", json=[{"status": 500, "forever": True}]) as response:
        written = response.status
    scripted = await sender.push(subscription)
    async with session.delete(f"{service.origin}/script") as response:
        cleared = response.status

    normal = await sender.push(subscription)

    assert (written, scripted.status, cleared, normal.status) == (204, 500, 204, 201)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '[{"status": "500"}]',
        '[{"status": 99}]',
        '[{"status": 600}]',
        '[{"state": 500}]',
        '[{"delay": -1}]',
        '[{"delay": 3600}]',
        '[{"delay": NaN}]',
        '[{"hang": "here"}]',
        '[{"hang": "head", "endless": true}]',
        '[{"headers": {"a b": "c"}}]',
        '[{"headers": {"a": "b\\r\\nc: d"}}]',
        '[{"headers": {"Content-Length": "7"}}]',
    ],
)
async def test_a_bad_script_is_refused(
    text: str, service: PushService, session: aiohttp.ClientSession
) -> None:
    """400, with the reason."""
    async with session.put(f"{service.origin}/script/*", data=text) as response:
        problem = await response.json()

    assert (response.status, problem["code"]) == (400, "bad_script")
    assert problem["reason"]


async def test_a_bad_script_is_refused_in_python_too(service: PushService) -> None:
    """By `ValueError`, where the test can see it."""
    with pytest.raises(ValueError, match="status"):
        service.script([{"status": "500"}])
