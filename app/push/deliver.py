"""Carry a push message to its push service (RFC 8030) and say what became of it."""

import asyncio
import logging
import time
from asyncio import IncompleteReadError
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    StreamReader,
    TCPConnector,
)
from yarl import URL

from app.push.budget import HostBudget
from app.push.encrypt import PushRequest
from app.push.guard import INTERNET, Network, NotPublic, PublicResolver, Reach
from app.push.outcome import Fate, Outcome, outcome_of

log = logging.getLogger(__name__)

TOTAL_S = 10  # for a call in all, with its retries: what a caller waits for
ATTEMPT_S = 8  # for one POST, whatever the push service dribbles
CONNECT_S = 3  # for a connection, TLS included
DRAIN_S = 0.5  # for an answer's body: its status has said all that matters
RETRY_PAUSES_S = (0.2, 1.0)  # before the second and the third attempt
MAX_ANSWER_BYTES = 4096  # more of an answer is not read, and its connection not kept
MAX_CONNECTIONS = 512
MAX_CONNECTIONS_PER_HOST = 64

_HEADERS = {"User-Agent": "whisper", "Accept-Encoding": "identity"}


# What a host that works says; after anything else too often, a stranger's is left alone.
_WORKING = (Fate.ACCEPTED, Fate.GONE, Fate.TOO_LARGE)


class Deliverer:
    """Sends push messages over pooled connections, to public addresses only unless an origin is trusted.

    Hosts that strangers chose have pools, look-ups and a budget of their own: they hold up nobody else.
    """

    def __init__(self, pools: "Pools", reach: Reach) -> None:
        self._pools = pools
        self._reach = reach
        self._budget = HostBudget()

    async def deliver(self, request: PushRequest) -> Outcome:
        """Send *request*, again where that is safe, within `TOTAL_S`; to a stranger's host once at most."""
        if self._reach.trusts(request.endpoint):
            return await self._deliver(self._pools.trusted, request)
        if self._reach.is_strange(request.endpoint):
            return await self._deliver_once(request)
        return await self._deliver(self._pools.browsers, request)

    async def _deliver_once(self, request: PushRequest) -> Outcome:
        host = request.endpoint.host
        wait = self._budget.wait(host, _monotonic_ms())
        if wait:
            return Outcome(Fate.BUSY, retry_after=wait)
        outcome = await self._attempt(self._pools.strangers, request, ATTEMPT_S)
        self._budget.note(host, _monotonic_ms(), failed=outcome.fate not in _WORKING)
        return outcome

    async def _deliver(self, pool: ClientSession, request: PushRequest) -> Outcome:
        clock = asyncio.get_running_loop().time
        deadline = clock() + TOTAL_S
        outcome = await self._attempt(pool, request, ATTEMPT_S)
        for pause in RETRY_PAUSES_S:
            wait = _pause_before_retry(outcome, pause)
            if wait is None or clock() + wait >= deadline:
                break
            await asyncio.sleep(wait)
            outcome = await self._attempt(pool, request, min(deadline - clock(), ATTEMPT_S))
        return outcome

    async def _attempt(self, pool: ClientSession, request: PushRequest, seconds: float) -> Outcome:
        began = time.monotonic()
        try:
            outcome = await _post(pool, request, seconds)
        except ClientConnectorError as error:
            outcome = Outcome(Fate.FORBIDDEN if isinstance(error.os_error, NotPublic) else Fate.UNREACHABLE)
        except ConnectionTimeoutError:
            outcome = Outcome(Fate.UNREACHABLE)
        except TimeoutError:
            outcome = Outcome(Fate.TIMED_OUT)
        except (ClientConnectionError, OSError):
            outcome = Outcome(Fate.UNREACHABLE)
        except ClientError:  # an answer that is not HTTP
            outcome = Outcome(Fate.REFUSED)
        log.info(
            "push to %s: %s (status %s, %d ms)",
            request.endpoint.host,
            outcome.fate.name.lower(),
            outcome.status,
            1000 * (time.monotonic() - began),
        )
        return outcome


@dataclass(frozen=True, slots=True)
class Pools:
    """Pooled connections to the browsers' push services, to strangers' hosts, and to trusted origins."""

    browsers: ClientSession
    strangers: ClientSession
    trusted: ClientSession


@asynccontextmanager
async def deliverer(reach: Reach, network: Network = INTERNET) -> AsyncIterator[Deliverer]:
    """Open the connection pools, and close them."""
    pool = partial(TCPConnector, limit=MAX_CONNECTIONS, limit_per_host=MAX_CONNECTIONS_PER_HOST)
    async with (
        _public(pool, network) as browsers,
        _public(pool, network) as strangers,
        _session(pool()) as trusted,
    ):
        yield Deliverer(Pools(browsers, strangers, trusted), reach)


@asynccontextmanager
async def _public(pool: Callable[..., TCPConnector], network: Network) -> AsyncIterator[ClientSession]:
    """Open connections to public addresses, with look-ups of their own."""
    resolver = PublicResolver(network.look_up)
    connector = pool(resolver=resolver, socket_factory=network.public_socket, ssl=network.tls)
    async with _session(connector) as session:
        try:
            yield session
        finally:
            await resolver.close()


def _session(connector: TCPConnector) -> ClientSession:
    return ClientSession(
        connector=connector,
        headers=_HEADERS,
        cookie_jar=DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    )


async def _post(session: ClientSession, request: PushRequest, seconds: float) -> Outcome:
    post = session.post(
        URL(request.endpoint.url, encoded=True),
        data=request.body,
        headers=request.headers,
        timeout=ClientTimeout(seconds, sock_connect=CONNECT_S, ceil_threshold=TOTAL_S),
        allow_redirects=False,
    )
    async with post as response:
        if not await _ends(response.content):
            response.close()
        return outcome_of(response.status, response.headers.get("Retry-After"))


async def _ends(content: StreamReader) -> bool:
    """Read an answer's body and tell whether it ended soon: then its connection can serve again."""
    try:
        async with asyncio.timeout(DRAIN_S):
            await content.readexactly(MAX_ANSWER_BYTES + 1)
    except IncompleteReadError:
        return True
    except (TimeoutError, ClientPayloadError):
        pass
    return False


_GATEWAY_TROUBLE = (502, 504)


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _pause_before_retry(outcome: Outcome, pause: float) -> float | None:
    """Return the seconds to wait before another attempt, `None` when there should be none."""
    match outcome:
        case Outcome(fate=Fate.BUSY, retry_after=int(seconds)):
            return max(seconds, pause)
        case Outcome(fate=Fate.UNREACHABLE) | Outcome(fate=Fate.BUSY, status=503):
            return pause
        case Outcome(status=int(status)) if status in _GATEWAY_TROUBLE:
            return pause
        case _:
            return None
