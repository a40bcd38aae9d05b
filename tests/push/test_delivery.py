"""Delivery of a push message: sent, tried again, refused or lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from app.protocol.subscription import Endpoint
from app.push.deadlines import PRODUCTION, Deadlines
from app.push.delivery import MAX_AT_ONCE_PER_ENDPOINT, Deliverer, open_deliverer
from app.push.encrypt import PushRequest, encrypt
from app.push.endpoint_policy import TRUSTED, UNTRUSTED
from app.push.outcome import Attempt, DeliveryStatus, Outcome
from app.push.ssrf_guard import INTERNET
from app.push.vapid import VapidKey, VapidSigner
from tests.deadlines import MARGIN_S, SHORT
from tests.people import now_ms
from tests.push_service import PushService, Subscription
from tests.vector_files import subscription_at

pytestmark = pytest.mark.anyio

PER_HOST = 64  # messages on their way, of twice as many in all

VAPID = VapidSigner(VapidKey.generate(), "mailto:operator@example.org")


@asynccontextmanager
async def opened(deadlines: Deadlines = PRODUCTION) -> AsyncIterator[Deliverer]:
    """Open connections to the real network."""
    observe = list[Attempt]().append
    async with open_deliverer(INTERNET, observe, now_ms, deadlines, 2 * PER_HOST) as deliverer:
        yield deliverer


@pytest.fixture
async def delivery() -> AsyncIterator[Deliverer]:
    """Open connections to push services."""
    async with opened() as deliverer:
        yield deliverer


async def deliver(deliverer: Deliverer, request: PushRequest, within: float = PRODUCTION.total_s) -> Outcome:
    """Deliver *request* within so many seconds."""
    if wait := deliverer.retry_after(request.endpoint, request.service, verifies=request.verifies):
        return Outcome(DeliveryStatus.BUSY, retry_after=wait)
    return await deliverer.deliver(request, now_ms(), asyncio.get_running_loop().time() + within)


def request_to(browser: Subscription) -> PushRequest:
    """Return a message that the push service takes."""
    stored = subscription_at(browser.endpoint, browser.p256dh, browser.auth)
    token = VAPID.token(stored.endpoint.origin, now_ms()).header
    fields = f"TTL: 60\r\nContent-Encoding: aes128gcm\r\nAuthorization: {token}\r\n"
    return PushRequest(stored.endpoint, TRUSTED, fields, encrypt(stored.target, b"hello"))


async def test_a_message_arrives(delivery: Deliverer, push_service: PushService) -> None:
    """A push service that takes it makes it accepted, and the browser can read it."""
    browser = push_service.subscribe()

    outcome = await deliver(delivery, request_to(browser))

    assert outcome == Outcome(DeliveryStatus.ACCEPTED, 201)
    assert browser.decrypted == [b"hello"]


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 502},
        {"status": 503},
        {"status": 504},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"status": 429, "headers": {"Retry-After": "1"}},
    ],
    ids=str,
)
async def test_passing_trouble_is_retried(
    delivery: Deliverer, push_service: PushService, trouble: dict[str, object]
) -> None:
    """Where it is safe, a second attempt is made."""
    push_service.script([trouble])
    browser = push_service.subscribe()

    outcome = await deliver(delivery, request_to(browser))

    assert (outcome.delivery, browser.decrypted) == (DeliveryStatus.ACCEPTED, [b"hello"])


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 400},
        {"status": 410},
        {"status": 429},
        {"status": 500},
        {"status": 503, "headers": {"Retry-After": "60"}},
        {"status": 307, "headers": {"Location": "/"}},
    ],
    ids=str,
)
async def test_what_will_not_pass_is_not_retried(
    delivery: Deliverer, push_service: PushService, answer: dict[str, object]
) -> None:
    """An answer that is final, or a wait that does not fit, ends the delivery."""
    push_service.script([answer])

    await deliver(delivery, request_to(push_service.subscribe()))

    assert len(push_service.received) == 1


async def test_what_may_have_arrived_is_not_sent_again(
    delivery: Deliverer, push_service: PushService
) -> None:
    """A push service that takes the message and hangs up may have delivered it: that is what is told."""
    push_service.script([{"disconnect": True, "forever": True}])

    outcome = await deliver(delivery, request_to(push_service.subscribe()))

    assert (outcome, len(push_service.received)) == (Outcome(DeliveryStatus.LOST), 1)


async def test_a_kept_connection_that_dies_silently_is_replaced_once(
    delivery: Deliverer, push_service: PushService
) -> None:
    """It was most likely closed while the message was on its way; a second loss is the truth."""
    await deliver(delivery, request_to(push_service.subscribe()))
    push_service.script([{"disconnect": True, "forever": True}])

    outcome = await deliver(delivery, request_to(push_service.subscribe()))

    assert (outcome, len(push_service.received)) == (Outcome(DeliveryStatus.LOST), 3)


async def test_two_retries_are_all(delivery: Deliverer, push_service: PushService) -> None:
    """Three attempts, then the truth."""
    push_service.script([{"status": 503, "forever": True}])

    outcome = await deliver(delivery, request_to(push_service.subscribe()))

    assert (outcome, len(push_service.received)) == (Outcome(DeliveryStatus.BUSY, 503), 3)


async def test_a_push_service_that_hangs_ends_at_the_deadline_of_one_attempt(
    push_service: PushService,
) -> None:
    """Nobody waits longer, and the message is not sent again: it may have been taken."""
    push_service.script([{"hang": "head"}])

    async with opened(SHORT) as delivery, asyncio.timeout(SHORT.attempt_s + MARGIN_S):
        outcome = await deliver(delivery, request_to(push_service.subscribe()))

    assert outcome.delivery is DeliveryStatus.TIMED_OUT
    assert len(push_service.received) == 1


async def test_attempts_share_the_time_of_the_message(push_service: PushService) -> None:
    """A second attempt has what the first one left."""
    push_service.script([{"delay": 0.8, "status": 503}, {"hang": "head"}])

    async with opened(SHORT) as delivery, asyncio.timeout(SHORT.total_s + MARGIN_S):
        outcome = await deliver(delivery, request_to(push_service.subscribe()), SHORT.total_s)

    assert outcome.delivery is DeliveryStatus.TIMED_OUT


def test_nobody_waits_longer_than_ten_seconds() -> None:
    """Eight for one attempt: what the documents promise to callers."""
    assert (PRODUCTION.total_s, PRODUCTION.attempt_s) == (10, 8)


async def test_a_proxy_of_the_environment_is_not_used(
    push_service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would connect to addresses that nobody has judged."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    browser = push_service.subscribe()

    async with opened() as delivery:
        outcome = await deliver(delivery, request_to(browser))

    assert (outcome.delivery, browser.decrypted) == (DeliveryStatus.ACCEPTED, [b"hello"])


async def test_an_answer_that_hangs_after_its_status_has_said_enough(
    delivery: Deliverer, push_service: PushService
) -> None:
    """Nobody waits for a body that does not matter."""
    push_service.script([{"status": 410, "hang": "body"}])

    async with asyncio.timeout(MARGIN_S):
        outcome = await deliver(delivery, request_to(push_service.subscribe()))

    assert outcome == Outcome(DeliveryStatus.GONE, 410)


async def test_an_endless_answer_is_not_read(delivery: Deliverer, push_service: PushService) -> None:
    """The status is all that is needed."""
    push_service.script([{"status": 201, "endless": True}])

    async with asyncio.timeout(MARGIN_S):
        outcome = await deliver(delivery, request_to(push_service.subscribe()))

    assert outcome.delivery is DeliveryStatus.ACCEPTED


async def test_nobody_listening_is_unreachable() -> None:
    """No connection is not a refusal."""
    async with PushService.running() as ephemeral:
        request = request_to(ephemeral.subscribe())

    async with opened() as delivery:
        outcome = await deliver(delivery, request)

    assert outcome == Outcome(DeliveryStatus.UNREACHABLE)


async def test_an_answer_that_is_not_http_is_a_refusal() -> None:
    """Whatever listens there, it is no push service."""

    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        origin = f"http://{host}:{port}"
        async with opened() as delivery:
            outcome = await deliver(delivery, PushRequest(Endpoint.parse(f"{origin}/x"), TRUSTED, "", b"x"))

    assert outcome == Outcome(DeliveryStatus.REFUSED)


async def test_a_private_address_is_not_connected(push_service: PushService) -> None:
    """A name that leads to this machine is refused when its origin is not trusted by the operator."""
    port = push_service.origin.rpartition(":")[2]
    endpoint = Endpoint.parse(f"http://localhost:{port}/push/x")

    async with opened() as delivery:
        outcome = await deliver(delivery, PushRequest(endpoint, UNTRUSTED, "", b"x"))

    assert (outcome, push_service.received) == (Outcome(DeliveryStatus.FORBIDDEN), [])


async def test_a_literal_private_address_is_not_connected(push_service: PushService) -> None:
    """Without a name there is no look-up; the socket itself is refused."""
    endpoint = Endpoint.parse(f"{push_service.origin}/push/x")

    async with opened() as delivery:
        outcome = await deliver(delivery, PushRequest(endpoint, UNTRUSTED, "", b"x"))

    assert (outcome.delivery, push_service.received) == (DeliveryStatus.FORBIDDEN, [])


async def test_a_percent_escape_arrives_as_it_was_given(
    delivery: Deliverer, push_service: PushService
) -> None:
    """A token in an endpoint is nobody's to spell anew."""
    endpoint = Endpoint.parse(f"{push_service.origin}/push/a%2fb?token=BQ%2bz%3d%3D")

    outcome = await deliver(delivery, PushRequest(endpoint, TRUSTED, "", b"x"))

    assert outcome.delivery is DeliveryStatus.GONE
    assert subscription_at(endpoint.url).endpoint == endpoint


async def test_who_asked_to_wait_is_not_asked_again_sooner(
    delivery: Deliverer, push_service: PushService
) -> None:
    """The next message is refused here; other endpoints of the same push service get theirs."""
    push_service.script([{"status": 429, "headers": {"Retry-After": "90"}}])
    browser, other = push_service.subscribe(), push_service.subscribe()

    first = await deliver(delivery, request_to(browser))
    second = await deliver(delivery, request_to(browser))
    third = await deliver(delivery, request_to(other))

    assert (first, second) == (
        Outcome(DeliveryStatus.BUSY, 429, 90),
        Outcome(DeliveryStatus.BUSY, retry_after=90),
    )
    assert (third.delivery, len(push_service.received)) == (DeliveryStatus.ACCEPTED, 2)


async def test_who_did_not_say_how_long_is_asked_again(
    delivery: Deliverer, push_service: PushService
) -> None:
    """Nothing is made up."""
    push_service.script([{"status": 429}])
    browser = push_service.subscribe()

    await deliver(delivery, request_to(browser))

    assert (await deliver(delivery, request_to(browser))).delivery is DeliveryStatus.ACCEPTED


@asynccontextmanager
async def hanging(
    delivery: Deliverer, push_service: PushService, browsers: Sequence[Subscription]
) -> AsyncIterator[None]:
    """Have a message on its way to each of *browsers*, as often as each is named, until the block ends."""
    push_service.script([{"hang": "head", "forever": True}])
    sent = [asyncio.create_task(deliver(delivery, request_to(browser))) for browser in browsers]
    async with asyncio.timeout(MARGIN_S):
        while len(push_service.received) < min(len(sent), PER_HOST):
            await asyncio.sleep(0.01)
    yield
    for task in sent:
        task.cancel()
    await asyncio.wait(sent)


async def test_who_waits_for_a_connection_in_vain_is_told_to_come_again(
    delivery: Deliverer, push_service: PushService
) -> None:
    """Nothing was sent: that is not a message which may have been delivered."""
    browsers = [push_service.subscribe() for _ in range(PER_HOST)]
    async with hanging(delivery, push_service, browsers):
        outcome = await deliver(delivery, request_to(push_service.subscribe()), within=0.2)

    assert outcome == Outcome(DeliveryStatus.BUSY, retry_after=1)
    assert len(push_service.received) == PER_HOST


async def test_a_recipient_that_hangs_takes_only_its_own_part(
    delivery: Deliverer, push_service: PushService
) -> None:
    """Its next caller is told at once to come again; others at the same push service are sent to."""
    browser, other = push_service.subscribe(), push_service.subscribe()
    async with hanging(delivery, push_service, [browser] * MAX_AT_ONCE_PER_ENDPOINT):
        push_service.script([])
        async with asyncio.timeout(MARGIN_S):
            refused = await deliver(delivery, request_to(browser))
            sent = await deliver(delivery, request_to(other))

    assert refused == Outcome(DeliveryStatus.BUSY, retry_after=1)
    assert sent.delivery is DeliveryStatus.ACCEPTED


async def test_each_attempt_is_told(push_service: PushService) -> None:
    """With what it was, and nothing secret."""
    push_service.script([{"status": 503}, {}])
    told: list[Attempt] = []

    async with open_deliverer(INTERNET, told.append, now_ms, PRODUCTION) as delivery:
        await deliver(delivery, request_to(push_service.subscribe()))

    assert [(each.service, each.host, each.outcome.status) for each in told] == [
        ("trusted", "127.0.0.1", 503),
        ("trusted", "127.0.0.1", 201),
    ]
    assert all(0 <= each.seconds < 5 for each in told)
