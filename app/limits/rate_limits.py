"""Rate limits of calls: what each call counts for, in this process or in Redis."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import cast

from app.limits.errors import TooManyCalls
from app.limits.redis_buckets import Charge, RedisBuckets
from app.limits.token_bucket import Rate, TokenBuckets
from app.protocol.messages import Dial, Directed, Message, Update

# Keys that each limit remembers: some 20 MB in all when every one of them is full.
MAX_KEYS = 100_000

MAX_CLIENTS = 1024  # addresses whose text was read lately


def unheard(_: str) -> None:
    """Tell nobody that a limit was hit."""


@lru_cache(MAX_CLIENTS)
def client_key(host: str) -> bytes:
    """Return a client's IP address as limits count it: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        address = ip_address(host)
    except ValueError:
        return host.encode()  # a socket without addresses
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped.packed if address.ipv4_mapped else address.packed[:8]
    return address.packed


_REFUSED = "refused_signatures"


class RateLimits:
    """The limits of one process, or of all that share a Redis. A limit without a rate is off.

    A call counts only once its signature is verified, so that nobody can use up what is another's. What is
    *shared* decides, for as long as it answers; what is counted here is never more than that. All times in
    ms, on a clock that never jumps.
    """

    def __init__(
        self,
        rates: Mapping[str, Rate],
        size: int = MAX_KEYS,
        hit: Callable[[str], None] = unheard,
        shared: RedisBuckets | None = None,
    ) -> None:
        self._buckets = {name: TokenBuckets(rate, size) for name, rate in rates.items()}
        self._hit = hit
        self._shared = shared

    def check(self, message: Message, who: bytes, now: int) -> list[Charge]:
        """Return what *message* counts for, to `count` it once it is verified.

        Raise `TooManyCalls` if it is over a limit, or *who* has signed too much wrongly. Only what was
        counted here is looked at: it costs nothing to refuse.
        """
        charges = self._limited(_charges(message))
        self._refuse(self._waits([*self._limited([(_REFUSED, who)]), *charges], now))
        return charges

    async def count(self, charges: Sequence[Charge], who: bytes, now: int) -> None:
        """Count what was checked at this very *now*. Raise `TooManyCalls` if it is over a limit elsewhere."""
        if self._shared:
            await self._ask(charges, now, looked_at=self._limited([(_REFUSED, who)]))
        self._spend(charges, now)

    async def count_refused(self, who: bytes, now: int) -> None:
        """Count a signature that did not verify. Raise `TooManyCalls` if *who* is over that elsewhere."""
        await self._take(_REFUSED, who, now)

    async def welcome(self, who: bytes, now: int) -> None:
        """Count a new address from *who*. Raise `TooManyCalls` if there are too many."""
        await self._take("new_addresses", who, now)

    async def _take(self, name: str, who: bytes, now: int) -> None:
        charges = self._limited([(name, who)])
        await self._ask(charges, now)
        self._spend(charges, now)

    async def _ask(self, charges: Sequence[Charge], now: int, looked_at: Sequence[Charge] = ()) -> None:
        waits = await self._shared.take(charges, looked_at) if self._shared else None
        self._refuse(self._waits([*looked_at, *charges], now) if waits is None else waits)

    def _spend(self, charges: Sequence[Charge], now: int) -> None:
        for name, key in charges:
            self._buckets[name].take(key, now)

    def _limited(self, charges: Sequence[Charge]) -> list[Charge]:
        return [(name, key) for name, key in charges if name in self._buckets]

    def _waits(self, charges: Sequence[Charge], now: int) -> dict[str, int]:
        return {name: self._buckets[name].wait(key, now) for name, key in charges}

    def _refuse(self, waits: Mapping[str, int]) -> None:
        if not any(waits.values()):
            return
        for name in (name for name, wait in waits.items() if wait):
            self._hit(name)
        raise TooManyCalls(retry_after=max(waits.values()))


def _charges(message: Message) -> list[Charge]:
    """Return the limits that *message* counts for, each with its key."""
    sender = message.sender.raw
    if message.method == Update.method:
        return [("updates", sender)]
    recipient = cast("Directed", message).recipient.raw
    pair = sender + recipient
    charges = [("calls", pair), ("recipient", recipient), ("recipient_hour", recipient)]
    return [("dial", pair), *charges] if message.method == Dial.method else charges
