"""Carry a push message to its push service (RFC 8030) and say what became of it."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.push.encrypt import PushRequest
from app.push.guard import INTERNET, TRUSTED, UNTRUSTED, EndpointPolicy, Network, NotPublic
from app.push.host_limits import HostLimits
from app.push.http.connection import NotAnAnswer, serialize_request
from app.push.http.connector import PoolSet, open_pools
from app.push.http.pool import QUEUE_RETRY_AFTER_S, ConnectionPool, Progress
from app.push.outcome import Attempt, DeliveryStatus, Outcome, outcome_of
from app.push.rests import RetryAfterTracker

log = logging.getLogger(__name__)

TOTAL_S = 10  # for a call in all, with its retries: what a caller waits for
ATTEMPT_S = 8  # for one POST, whatever the push service dribbles
RETRY_PAUSES_S = (0.2, 1.0)  # before the second and the third attempt
# Messages to one host on their way. A slow one must leave room for those to other hosts: it takes half of it.
MAX_AT_ONCE_PER_HOST = 256

# What a host that works says; after anything else too often, a stranger's is left alone.
_WORKING = (DeliveryStatus.ACCEPTED, DeliveryStatus.GONE, DeliveryStatus.TOO_LARGE)


# Told of each message that was sent, or could not be.
Observe = Callable[[Attempt], None]


def unobserved(_: Attempt) -> None:
    """Tell nobody."""


class Deliverer:
    """Sends push messages over open_pools connections, to public addresses only unless an origin is trusted.

    Hosts that strangers chose have pools, look-ups and a budget of their own: they hold up nobody else.
    An endpoint that asked to wait is not sent to until then.
    """

    def __init__(self, pools: PoolSet, reach: EndpointPolicy, observe: Observe = unobserved) -> None:
        self._pools = pools
        self._endpoint_policy = reach
        self._observe = observe
        self._budget = HostLimits()
        self._rests = RetryAfterTracker()
        self._on_their_way: Counter[str] = Counter()

    async def deliver(self, request: PushRequest, within: float = TOTAL_S) -> Outcome:
        """Send *request* *within* so many seconds, again where that is safe; to a stranger's host once."""
        wait = self._rests.wait(request.endpoint.url, _monotonic_ms())
        if wait:
            return Outcome(DeliveryStatus.BUSY, retry_after=wait)
        host = request.endpoint.host
        if self._on_their_way[host] >= MAX_AT_ONCE_PER_HOST:
            return Outcome(DeliveryStatus.BUSY, retry_after=QUEUE_RETRY_AFTER_S)
        self._on_their_way[host] += 1
        service = self._endpoint_policy.service(request.endpoint)
        try:
            if service == UNTRUSTED:
                return await self._deliver_once(request, within)
            return await self._deliver(service, request, within)
        finally:
            self._on_their_way[host] -= 1
            if not self._on_their_way[host]:
                del self._on_their_way[host]

    async def _deliver_once(self, request: PushRequest, within: float) -> Outcome:
        host = request.endpoint.host
        wait = self._budget.wait(host, _monotonic_ms())
        if wait:
            return Outcome(DeliveryStatus.BUSY, retry_after=wait)
        outcome = await self._attempt(self._pools.strangers, UNTRUSTED, request, min(within, ATTEMPT_S))
        self._budget.note(host, _monotonic_ms(), failed=outcome.delivery not in _WORKING)
        return outcome

    async def _deliver(self, service: str, request: PushRequest, within: float) -> Outcome:
        pool = self._pools.trusted if service == TRUSTED else self._pools.browsers
        clock = asyncio.get_running_loop().time
        deadline = clock() + within
        outcome = await self._attempt(pool, service, request, min(within, ATTEMPT_S))
        for pause in RETRY_PAUSES_S:
            wait = _pause_before_retry(outcome, pause)
            if wait is None or clock() + wait >= deadline:
                break
            await asyncio.sleep(wait)
            outcome = await self._attempt(pool, service, request, min(deadline - clock(), ATTEMPT_S))
        return outcome

    async def _attempt(
        self, pool: ConnectionPool, service: str, request: PushRequest, seconds: float
    ) -> Outcome:
        began = time.monotonic()
        progress = Progress()
        message = serialize_request(request.endpoint, request.headers, request.body)
        try:
            answer = await pool.post(request.endpoint, message, seconds, progress)
            outcome = outcome_of(answer.status, answer.retry_after)
        except NotPublic:
            outcome = Outcome(DeliveryStatus.FORBIDDEN)
        except TimeoutError:
            outcome = progress.timed_out
        except OSError:
            outcome = Outcome(DeliveryStatus.UNREACHABLE)
        except NotAnAnswer:
            outcome = Outcome(DeliveryStatus.REFUSED)
        took = time.monotonic() - began
        host = request.endpoint.host
        if log.isEnabledFor(logging.DEBUG):
            delivery = outcome.delivery.name.lower()
            log.debug("push to %s: %s (status %s, %d ms)", host, delivery, outcome.status, 1000 * took)
        self._observe(Attempt(service, host, outcome, took, request.token_age))
        if outcome.status and outcome.retry_after:
            self._rests.note(request.endpoint.url, outcome.retry_after, _monotonic_ms())
        return outcome


@asynccontextmanager
async def open_deliverer(
    reach: EndpointPolicy, network: Network = INTERNET, observe: Observe = unobserved
) -> AsyncIterator[Deliverer]:
    """Open the connection pools, and close them."""
    async with open_pools(network) as pools:
        yield Deliverer(pools, reach, observe)


_GATEWAY_TROUBLE = (502, 504)


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _pause_before_retry(outcome: Outcome, pause: float) -> float | None:
    """Return the seconds to wait before another attempt, `None` when there should be none."""
    match outcome:
        case Outcome(delivery=DeliveryStatus.ACCEPTED):
            return None
        case Outcome(delivery=DeliveryStatus.BUSY, status=None):  # it has waited long enough
            return None
        case Outcome(delivery=DeliveryStatus.BUSY, retry_after=int(seconds)):
            return max(seconds, pause)
        case Outcome(delivery=DeliveryStatus.UNREACHABLE) | Outcome(delivery=DeliveryStatus.BUSY, status=503):
            return pause
        case Outcome(status=int(status)) if status in _GATEWAY_TROUBLE:
            return pause
        case _:
            return None
