"""Delivery of push messages (RFC 8030): limits, attempts and retries."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.protocol.subscription import Endpoint
from app.push.deadlines import Deadlines
from app.push.delivery_limits import HostLimits, InFlightLimits, RetryAfterTracker
from app.push.encrypt import PushRequest
from app.push.endpoint_policy import UNTRUSTED
from app.push.http.connection import ConnectionLost, MalformedResponse, serialize_request
from app.push.http.pool import MAX_CONNECTIONS, MIN_PER_HOST, QUEUE_RETRY_AFTER_S, TimeoutOutcome
from app.push.http.pool_set import PoolSet, open_pools
from app.push.http.proxy import ProxyRefused
from app.push.outcome import Attempt, DeliveryStatus, Outcome, outcome_of
from app.push.ssrf_guard import Network, NotPublic, site_of

log = logging.getLogger(__name__)

# Messages on their way. A slow host leaves room for those to other hosts: it takes half of it. So must a
# recipient, whose endpoint may be the slow one: a call needs a few at once. And whoever has one domain may
# have any number of hosts: an eighth of the connections that are there for untrusted ones.
MAX_AT_ONCE_PER_ENDPOINT = 32
MAX_AT_ONCE_PER_SITE = 64

# Before the name of what is limited, for verification pushes. Anybody can have them sent to a host, so that
# they use up, and put to rest, nothing of those who have proven an endpoint there.
_VERIFICATION = "verification "
MAX_VERIFICATIONS_AT_ONCE = 128  # to all hosts: a quarter of the connections

# Answers of a host that works; after anything else too often, an untrusted one is left alone.
_WORKING = (DeliveryStatus.ACCEPTED, DeliveryStatus.GONE, DeliveryStatus.TOO_LARGE)

# Told of each message that was sent, or could not be.
Observe = Callable[[Attempt], None]


class Deliverer:
    """Sender of push messages over pooled connections, to public addresses only unless an origin is trusted.

    Untrusted hosts have a pool, look-ups and limits of their own: they hold up nobody else. An endpoint that
    asked to wait is not sent to until then. *monotonic_ms* is a clock in ms that never jumps.
    """

    def __init__(
        self,
        pools: PoolSet,
        observe: Observe,
        monotonic_ms: Callable[[], int],
        deadlines: Deadlines,
        max_at_once: int,
    ) -> None:
        self._pools = pools
        self._observe = observe
        self._monotonic_ms = monotonic_ms
        self._deadlines = deadlines
        self._max_per_host = max(MIN_PER_HOST, max_at_once // 2)
        self._host_limits = HostLimits()
        self._retry_after = RetryAfterTracker()
        self._in_flight = InFlightLimits()
        self._warned: set[str] = set()

    async def deliver(self, request: PushRequest, now: int, deadline: float) -> Outcome:
        """Send *request* before the *deadline*, again where that is safe; to an untrusted host once.

        `retry_after` tells whether it may be sent. *now* in ms, *deadline* in the loop's time.
        """
        endpoint, service = request.endpoint, request.service
        places = self._places(endpoint, service, verifies=request.verifies)
        self._in_flight.take(places)
        try:
            if service == UNTRUSTED:
                host = _limited_host(endpoint, verifies=request.verifies)
                if wait := self._host_limits.consume(host, self._monotonic_ms()):  # for another key
                    return Outcome(DeliveryStatus.BUSY, retry_after=wait)
                return await self._deliver_once(request, now, deadline)
            outcome = await self._attempt(request, now, deadline)
            if outcome.delivery is DeliveryStatus.ACCEPTED:
                return outcome
            return await self._retry(request, outcome, now, deadline)
        finally:
            self._in_flight.leave(places)

    def retry_after(self, endpoint: Endpoint, service: str, *, verifies: bool = False) -> int:
        """Return the seconds until a message to *endpoint* may be sent, 0 for now; consumes nothing."""
        now = self._monotonic_ms()
        if wait := self._retry_after.retry_after(endpoint.url, now):
            return wait
        if self._in_flight.is_full(self._places(endpoint, service, verifies=verifies)):
            return QUEUE_RETRY_AFTER_S
        if service != UNTRUSTED:
            return 0
        return self._host_limits.retry_after(_limited_host(endpoint, verifies=verifies), now)

    def _places(self, endpoint: Endpoint, service: str, *, verifies: bool) -> dict[str, int]:
        """Return the places that a message to *endpoint* takes, each with the most of them."""
        places = {endpoint.origin: self._max_per_host, endpoint.url: MAX_AT_ONCE_PER_ENDPOINT}
        if service != UNTRUSTED:
            return places
        places[site_of(endpoint.host)] = MAX_AT_ONCE_PER_SITE
        if not verifies:
            return places
        separate = {_VERIFICATION + key: most for key, most in places.items()}
        return {_VERIFICATION: MAX_VERIFICATIONS_AT_ONCE, **separate}

    async def _deliver_once(self, request: PushRequest, now: int, deadline: float) -> Outcome:
        outcome = await self._attempt(request, now, deadline)
        failed = outcome.delivery not in _WORKING
        host = _limited_host(request.endpoint, verifies=request.verifies)
        self._host_limits.record(host, self._monotonic_ms(), failed=failed)
        return outcome

    async def _retry(self, request: PushRequest, outcome: Outcome, now: int, deadline: float) -> Outcome:
        """Send *request*, whose first attempt had this *outcome*, again where that is safe."""
        for pause in self._deadlines.retry_pauses_s:
            wait = _pause_before_retry(outcome, pause)
            if wait is None or asyncio.get_running_loop().time() + wait >= deadline:
                break
            await asyncio.sleep(wait)
            outcome = await self._attempt(request, now, deadline)
        return outcome

    async def _attempt(self, request: PushRequest, now: int, deadline: float) -> Outcome:
        message = serialize_request(request.endpoint, request.fields, request.body)
        attempt_ends = asyncio.get_running_loop().time() + self._deadlines.attempt_s
        began, on_timeout = self._monotonic_ms(), TimeoutOutcome()
        try:
            pool = self._pools.of(request.service)
            answer = await pool.post(request.endpoint, message, min(deadline, attempt_ends), on_timeout)
            outcome = outcome_of(answer.status, answer.retry_after, now)
        except TimeoutError:
            outcome = on_timeout.outcome
        except (OSError, MalformedResponse) as error:
            outcome = Outcome(self._classify(error, request.service))
        self._record(request, outcome, began)
        return outcome

    def _record(self, request: PushRequest, outcome: Outcome, began: int) -> None:
        """Record how an attempt ended that *began* at this ms."""
        endpoint, now = request.endpoint, self._monotonic_ms()
        took_ms = now - began
        if log.isEnabledFor(logging.DEBUG):
            delivery = outcome.delivery.name.lower()
            log.debug("push to %s: %s (status %s, %d ms)", endpoint.host, delivery, outcome.status, took_ms)
        self._observe(Attempt(request.service, endpoint.host, outcome, took_ms / 1000, request.token_age))
        if outcome.status and outcome.retry_after:
            self._retry_after.record(endpoint.url, outcome.retry_after, now)

    def _classify(self, error: OSError | MalformedResponse, service: str) -> DeliveryStatus:
        """Return what became of a message to *service* that ended in *error*."""
        match error:
            case NotPublic() if service == UNTRUSTED:
                return DeliveryStatus.FORBIDDEN
            case NotPublic():
                self._warn_once(f"push service {service} has no public address: DNS is blocked or redirected")
            case ProxyRefused():
                self._warn_once(f"egress proxy does not let a message out: {error}")
            case ConnectionLost():
                return DeliveryStatus.LOST
            case MalformedResponse():
                return DeliveryStatus.REFUSED
        return DeliveryStatus.UNREACHABLE

    def _warn_once(self, trouble: str) -> None:
        """Log a *trouble* of the server's environment, of which there are few, the first time."""
        if trouble not in self._warned:
            self._warned.add(trouble)
            log.warning("the %s (see `whisper doctor`)", trouble)


@asynccontextmanager
async def open_deliverer(
    network: Network,
    observe: Observe,
    monotonic_ms: Callable[[], int],
    deadlines: Deadlines,
    max_at_once: int = MAX_CONNECTIONS,
) -> AsyncIterator[Deliverer]:
    """Open the connection pools for *max_at_once* messages on their way, and close them."""
    async with open_pools(network, deadlines, max_at_once) as pools:
        yield Deliverer(pools, observe, monotonic_ms, deadlines, max_at_once)


def _limited_host(endpoint: Endpoint, *, verifies: bool) -> str:
    return _VERIFICATION + endpoint.host if verifies else endpoint.host


_GATEWAY_TROUBLE = (502, 504)


def _pause_before_retry(outcome: Outcome, pause: float) -> float | None:
    """Return the seconds to wait before another attempt, `None` when there should be none."""
    match outcome:
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
