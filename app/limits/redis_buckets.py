"""Token buckets shared by all instances in Redis, with local limits as the fallback."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Any

from app import lazy_imports
from app.limits.circuit_breaker import CircuitBreaker
from app.limits.token_bucket import Rate

log = logging.getLogger(__name__)

# Keys that are limited, by the name of the limit.
Costs = Mapping[str, bytes]

_NONE: Costs = {}

# Told of each question: what became of it, and the seconds it took.
Observe = Callable[[str, float], None]

ANSWER_S = 0.1  # for Redis, with the wait for a connection: a call must not notice it
PAUSE_MS = 2000  # after a failure: a Redis that hangs costs one call in so many its 100 ms
CONNECTIONS = 20  # for each worker

# `app/limits/token_bucket.py` again, for all buckets of a call at once and on the time of one machine. Of a
# bucket is kept what is missing in it, in the burst's part of a ms, and since when. One from the future is
# full: better to let calls through than to hold up everybody for as long as a clock was set back.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept, missing, waits, refused = redis.call('MGET', unpack(KEYS)), {}, {}, false
for i = 1, #KEYS do
  local burst, token = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local was, since = string.match(kept[i] or '', '^(%d+) (%d+)$')
  missing[i] = 0
  if was and tonumber(since) <= now then
    missing[i] = math.max(0, was - (now - since) * burst)
  end
  waits[i] = math.max(0, math.ceil((missing[i] - token * (burst - 1)) / (1000 * burst)))
  refused = refused or waits[i] > 0
end
for i = 1, #KEYS do
  if ARGV[3 * i] == 'take' and not refused then
    local burst, less = tonumber(ARGV[3 * i - 2]), missing[i] + ARGV[3 * i - 1]
    redis.call('SET', KEYS[i], string.format('%.0f %.0f', less, now), 'PX', math.ceil(less / burst))
  end
end
return waits
"""


class RedisBuckets:
    """Token buckets of *rates*, under keys hashed with *secret*; *monotonic_ms* never jumps."""

    def __init__(
        self,
        ask: Callable[..., Awaitable[Any]],
        failure: type[Exception],
        rates: Mapping[str, Rate],
        secret: bytes,
        observe: Observe,
        monotonic_ms: Callable[[], int],
    ) -> None:
        self._ask = ask
        self._rates = rates
        self._secret = secret
        self._observe = observe
        self._monotonic_ms = monotonic_ms
        self._breaker = CircuitBreaker(PAUSE_MS)
        self._failures = (failure, OSError, TimeoutError)

    async def take(self, costs: Costs, peeked: Costs = _NONE) -> dict[str, int] | None:
        """Take from the buckets of *costs*, from all of them or, if one of all these is empty, from none.

        Return for each limit the seconds until it may be taken from again, 0 for now; `None` if Redis does
        not answer.
        """
        asked = {**peeked, **costs}
        if not asked or self._breaker.remaining_ms(self._monotonic_ms()):
            return None
        words = ["look"] * len(peeked) + ["take"] * len(costs)
        rates = [self._rates[name] for name in asked]
        arguments: list[str | int] = [
            argument
            for rate, word in zip(rates, words, strict=True)
            for argument in (rate.burst, 1000 * rate.seconds, word)
        ]
        waits = await self._answer([self._key(*cost) for cost in asked.items()], arguments)
        if waits is None:
            return None
        return dict(zip(asked, waits, strict=True))

    async def _answer(self, keys: list[str], arguments: list[str | int]) -> list[int] | None:
        loop_time = asyncio.get_running_loop().time  # finer than ms, for the measure alone
        began = loop_time()
        try:
            async with asyncio.timeout(ANSWER_S):
                waits: list[int] = await self._ask(keys=keys, args=arguments)
        except self._failures as error:
            self._observe("failed", loop_time() - began)
            if self._breaker.fail(self._monotonic_ms()):
                what, pause = type(error).__name__, PAUSE_MS // 1000
                log.warning("Redis does not answer (%s): limits are counted here for %d s", what, pause)
            return None
        self._observe("ok", loop_time() - began)
        self._breaker.succeed()
        return waits

    def _key(self, name: str, who: bytes) -> str:
        """Return the key of a bucket; another rate has other buckets."""
        what = f"{name} {self._rates[name]} ".encode() + who
        return f"whisper:{blake2b(what, key=self._secret, digest_size=16).hexdigest()}"


@asynccontextmanager
async def open_redis_buckets(
    url: str | None,
    rates: Mapping[str, Rate],
    secret: bytes,
    observe: Observe,
    monotonic_ms: Callable[[], int],
) -> AsyncIterator[RedisBuckets | None]:
    """Open connections to the Redis at *url*, if there is one, and close them. None is made before a call."""
    if url is None:
        yield None
        return
    client = lazy_imports.redis()
    pool = client.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=None,  # one deadline for everything is enough
        socket_timeout=None,
        socket_connect_timeout=None,
        retry=client.Retry(client.NoBackoff(), 1),  # a connection that was kept may have ended
        protocol=2,
        driver_info=None,  # or it would say who it is first
    )
    async with client.Redis.from_pool(pool) as redis:
        yield RedisBuckets(
            redis.register_script(SCRIPT), client.RedisError, rates, secret, observe, monotonic_ms
        )
