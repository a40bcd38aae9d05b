"""Rate limits of calls: the token buckets that each call is charged to, in this process or in Redis."""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from itertools import takewhile

from app.limits.errors import TooManyCalls
from app.limits.redis_buckets import Costs, RedisBuckets
from app.limits.token_bucket import Rate, TokenBuckets
from app.protocol.messages import Dial, Message, is_relayed

# Keys that each limit remembers: some 20 MB in all when every one of them is full.
MAX_KEYS = 100_000

MAX_CLIENTS = 1024  # addresses whose text was read lately


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

# Limits that say how much a sender calls, and whom.
_OF_SENDER = frozenset({"dial", "calls", "updates"})

# All of them: each has a setting, and is off without a rate.
LIMITS = _OF_SENDER | {
    *("client_calls", "recipient", "recipient_hour"),
    *("new_addresses", "unknown_recipients", "unregistered_senders", _REFUSED),
}
_NONE: Costs = {}

_DIAL = Dial.method


class RateLimits:
    """Rate limits of one process, or of all that share a Redis. A limit without a rate is off.

    A call counts only once its signature is verified, so that nobody can use up what is another's. What is
    *shared* decides, for as long as it answers; what is counted here is never more than that. All times in
    ms, on a clock that never jumps.
    """

    def __init__(
        self,
        rates: Mapping[str, Rate],
        hit: Callable[[str], None],
        shared: RedisBuckets | None = None,
        size: int = MAX_KEYS,
    ) -> None:
        self._buckets = {name: TokenBuckets(rate, size) for name, rate in rates.items()}
        self._off = LIMITS - rates.keys()
        self._hit = hit
        self._shared = shared

    def check(self, message: Message, client: bytes, now: int) -> Costs:
        """Return what *message* counts for, to `count` it once it is verified.

        Raise `TooManyCalls` if it is over a limit that is not its sender's, or *client* has signed too much
        wrongly. Only what was counted here is looked at: it costs nothing to refuse.
        """
        costs = self._select_limited(_costs_of(message, client))
        self._require_room({**self._select_limited({_REFUSED: client}), **costs}, now, of_sender=False)
        return costs

    def check_sender(self, costs: Costs, now: int) -> None:
        """Raise `TooManyCalls` if the sender is over a limit of *costs*.

        Only who has signed is told: anybody else would learn whom the sender calls now.
        """
        self._require_room(costs, now, of_sender=True)

    async def count(self, costs: Costs, client: bytes, now: int) -> None:
        """Count what was checked at this very *now*.

        Raise `TooManyCalls` if it is over a limit elsewhere, or by what was counted since.
        """
        if self._shared:
            await self._ask(costs, now, peeked=self._select_limited({_REFUSED: client}))
            self._consume(costs, now)
        else:
            self._consume_all(costs, now)

    async def charge_refused_signature(self, client: bytes, now: int) -> None:
        """Count a signature that did not verify. Raise `TooManyCalls` if *client* is over that elsewhere."""
        await self.charge(_REFUSED, client, now)

    async def charge(self, name: str, client: bytes, now: int) -> None:
        """Count one for *client* against the limit *name*. Raise `TooManyCalls` if that is too many."""
        costs = self._select_limited({name: client})
        await self._ask(costs, now)
        self._consume(costs, now)

    async def _ask(self, costs: Costs, now: int, peeked: Costs = _NONE) -> None:
        waits = await self._shared.take(costs, peeked) if self._shared else None
        self._refuse(self._waits({**peeked, **costs}, now) if waits is None else waits)

    def _consume(self, costs: Costs, now: int) -> None:
        for name, key in costs.items():
            self._buckets[name].consume(key, now)

    def _consume_all(self, costs: Costs, now: int) -> None:
        """Consume one for each of *costs*, or nothing if one of them is over its limit."""
        for name, key in costs.items():
            if self._buckets[name].consume(key, now):
                for earlier in takewhile(name.__ne__, costs):
                    self._buckets[earlier].give_back(costs[earlier])
                self._refuse(self._waits(costs, now))

    def _require_room(self, costs: Costs, now: int, *, of_sender: bool) -> None:
        """Raise `TooManyCalls` if one of *costs*, the sender's or the others, is over its limit here."""
        for name, key in costs.items():
            if (name in _OF_SENDER) is of_sender and self._buckets[name].retry_after(key, now):
                told = {name: key for name, key in costs.items() if (name in _OF_SENDER) is of_sender}
                self._refuse(self._waits(told, now))

    def _select_limited(self, costs: Costs) -> Costs:
        return {name: key for name, key in costs.items() if name in self._buckets} if self._off else costs

    def _waits(self, costs: Costs, now: int) -> dict[str, int]:
        """Return the limits among *costs* that are reached, each with its wait in seconds."""
        buckets = self._buckets
        return {name: wait for name, key in costs.items() if (wait := buckets[name].retry_after(key, now))}

    def _refuse(self, waits: Mapping[str, int]) -> None:
        if not any(waits.values()):
            return
        for name in (name for name, wait in waits.items() if wait):
            self._hit(name)
        raise TooManyCalls(retry_after=max(waits.values()))


class Charges:
    """Charges for a verified call: for itself, and to its client for what only the store can tell.

    What is free to make up, such as keys, is counted only after what is not: a flood of keys would make the
    limits of others forget. Each raises `TooManyCalls` when there were too many. *now* in ms, on a clock that
    never jumps.
    """

    __slots__ = ("_client", "_costs", "_limits", "_now")

    def __init__(self, limits: RateLimits, costs: Costs, client: bytes, now: int) -> None:
        self._limits = limits
        self._costs = costs
        self._client = client
        self._now = now

    def call(self) -> Awaitable[None]:
        """Count the call itself, for its sender and its recipient."""
        return self._limits.count(self._costs, self._client, self._now)

    def new_address(self) -> Awaitable[None]:
        """Count an address that registers for the first time."""
        return self._limits.charge("new_addresses", self._client, self._now)

    def unknown_recipient(self) -> Awaitable[None]:
        """Count a call to an address that is not registered."""
        return self._limits.charge("unknown_recipients", self._client, self._now)

    def unregistered_sender(self) -> Awaitable[None]:
        """Count a call of an address that is not registered itself: keys are free, IP addresses are not."""
        return self._limits.charge("unregistered_senders", self._client, self._now)


def _costs_of(message: Message, client: bytes) -> Costs:
    """Return the limits that *message* of *client* counts for, each with its key."""
    sender = message.sender.raw
    if not is_relayed(message):
        return {"updates": sender}
    recipient = message.recipient.raw
    costs = {
        "calls": sender + recipient,
        "client_calls": client + recipient,
        "recipient": recipient,
        "recipient_hour": recipient,
    }
    if message.method == _DIAL:
        costs["dial"] = costs["calls"]
    return costs
