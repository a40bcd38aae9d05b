"""Carry a push message to its push service (RFC 8030) and say what became of it."""

import asyncio
import logging
import time
from asyncio import IncompleteReadError
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
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

from app.push.encrypt import PushRequest
from app.push.guard import NotPublic, PublicResolver, Reach, public_socket

log = logging.getLogger(__name__)

TOTAL_S = 10  # for a call in all, with its retries: what a caller waits for
ATTEMPT_S = 8  # for one POST, whatever the push service dribbles
CONNECT_S = 3  # for a connection, TLS included
DRAIN_S = 0.5  # for an answer's body: its status has said all that matters
RETRY_PAUSES_S = (0.2, 1.0)  # before the second and the third attempt
MAX_ANSWER_BYTES = 4096  # more of an answer is not read, and its connection not kept
MAX_RETRY_AFTER_S = 3600  # a junk date must not silence a recipient for years
DEFAULT_RETRY_AFTER_S = 30  # when a push service asks to wait and does not say how long
MAX_CONNECTIONS = 512
MAX_CONNECTIONS_PER_HOST = 64

_HEADERS = {"User-Agent": "whisper", "Accept-Encoding": "identity"}


class Fate(Enum):
    """What became of a push message."""

    ACCEPTED = auto()
    GONE = auto()  # the subscription is no more: forget it
    BUSY = auto()  # ask again later
    TOO_LARGE = auto()
    REFUSED = auto()
    FORBIDDEN = auto()  # its name leads to an address that is not public
    UNREACHABLE = auto()  # no connection
    TIMED_OUT = auto()  # sent, perhaps taken


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fate of a message, with the push service's HTTP status and its wish to wait, in seconds."""

    fate: Fate
    status: int | None = None
    retry_after: int | None = None


class Deliverer:
    """Sends push messages over pooled connections, to public addresses only unless an origin is trusted."""

    def __init__(self, guarded: ClientSession, trusted: ClientSession, reach: Reach) -> None:
        self._guarded = guarded
        self._trusted = trusted
        self._reach = reach

    async def deliver(self, request: PushRequest) -> Outcome:
        """Send *request*, again where that is safe, within `TOTAL_S`."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + TOTAL_S
        outcome = await self._attempt(request, deadline - clock())
        for pause in RETRY_PAUSES_S:
            wait = _pause_before_retry(outcome, pause)
            if wait is None or clock() + wait >= deadline:
                break
            await asyncio.sleep(wait)
            outcome = await self._attempt(request, deadline - clock())
        return outcome

    async def _attempt(self, request: PushRequest, seconds: float) -> Outcome:
        session = self._trusted if self._reach.trusts(request.endpoint) else self._guarded
        began = time.monotonic()
        try:
            outcome = await _post(
                session, request, ClientTimeout(min(seconds, ATTEMPT_S), CONNECT_S, ceil_threshold=TOTAL_S)
            )
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


@asynccontextmanager
async def deliverer(reach: Reach) -> AsyncIterator[Deliverer]:
    """Open the connection pools, and close them."""
    resolver = PublicResolver()
    pool = partial(TCPConnector, limit=MAX_CONNECTIONS, limit_per_host=MAX_CONNECTIONS_PER_HOST)
    public = pool(resolver=resolver, socket_factory=public_socket)
    async with _session(public) as guarded, _session(pool()) as trusted:
        try:
            yield Deliverer(guarded, trusted, reach)
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


async def _post(session: ClientSession, request: PushRequest, timeout: ClientTimeout) -> Outcome:
    post = session.post(
        URL(request.endpoint.url, encoded=True),
        data=request.body,
        headers=request.headers,
        timeout=timeout,
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


# 406 is how Windows throttles. All that is not here is a refusal.
_FATES = {
    404: Fate.GONE,
    406: Fate.BUSY,
    410: Fate.GONE,
    413: Fate.TOO_LARGE,
    429: Fate.BUSY,
    503: Fate.BUSY,
}
_SUCCESS = range(200, 300)
_GATEWAY_TROUBLE = (502, 504)


def outcome_of(status: int, retry_after: str | None) -> Outcome:
    """Read a push service's answer: its HTTP status and its Retry-After header."""
    fate = Fate.ACCEPTED if status in _SUCCESS else _FATES.get(status, Fate.REFUSED)
    seconds = _seconds(retry_after) if fate is Fate.BUSY and retry_after else None
    return Outcome(fate, status, seconds)


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


def _seconds(retry_after: str) -> int:
    """Read a Retry-After (RFC 9110, section 10.2.3): seconds or a date; junk is the default."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(int(retry_after[:10]), MAX_RETRY_AFTER_S)
    try:
        wait = parsedate_to_datetime(retry_after) - datetime.now(UTC)
    except (ValueError, TypeError, OverflowError):
        return DEFAULT_RETRY_AFTER_S
    return min(max(int(wait.total_seconds()), 0), MAX_RETRY_AFTER_S)
