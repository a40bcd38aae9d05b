"""How much of a request is read, how many at once, and how often."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address

from starlette.requests import ClientDisconnect, Request

from app.protocol.errors import BodyTooLarge, NotJson, Overloaded, TooManyCalls, UnsupportedEncoding
from app.protocol.limits import MAX_BODY_BYTES
from app.protocol.messages import Dial, Directed, Message
from app.protocol.rates import Buckets, Rate

# Keys that each limit remembers: some 20 MB in all when every one of them is full.
MAX_KEYS = 100_000

OVERLOADED_RETRY_AFTER_S = 1
MAX_LENGTH_DIGITS = 18  # of a Content-Length that is worth reading


async def read_body(request: Request) -> bytes:
    """Return the body, never more than `MAX_BODY_BYTES` of it.

    Raise `BodyTooLarge`, from its announced length where there is one, and `UnsupportedEncoding` for a
    compressed one, which is never inflated.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedEncoding
    announced = request.headers.get("content-length", "0")
    _require_fits(int(announced) if len(announced) <= MAX_LENGTH_DIGITS else MAX_BODY_BYTES + 1)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            _require_fits(len(body))
    except ClientDisconnect:
        raise NotJson("The body ended before its announced length.") from None
    return bytes(body)


def _require_fits(length: int) -> None:
    if length > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body is {length - MAX_BODY_BYTES} bytes over the {MAX_BODY_BYTES} allowed.")


class Room:
    """So many calls are carried at once, and no more; those that are still being received take none of it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0

    def require(self) -> None:
        """Raise `Overloaded` when there is no room: before anything is done for the call."""
        if self._taken >= self._size:
            raise Overloaded(retry_after=OVERLOADED_RETRY_AFTER_S)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take the room of one call."""
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


def visitor(request: Request) -> bytes:
    """Return who a request comes from, as limits count: an IPv4 address, or the /64 of an IPv6 one."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host.encode()  # a socket without addresses
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped.packed if address.ipv4_mapped else address.packed[:8]
    return address.packed


class RateLimits:
    """The limits of one process. A limit without a rate is off. All times in ms.

    A call counts only once its signature is verified, so that nobody can use up what is another's.
    """

    def __init__(self, rates: Mapping[str, Rate], size: int = MAX_KEYS) -> None:
        self._buckets = {name: Buckets(rate, size) for name, rate in rates.items()}

    def check(self, message: Message, who: bytes, now: int) -> None:
        """Raise `TooManyCalls` if *message* is over a limit, or *who* has signed too much wrongly."""
        charges = [("refused_signatures", who), *_charges(message)]
        self._refuse(bucket.wait(key, now) for bucket, key in self._named(charges))

    def count(self, message: Message, now: int) -> None:
        """Count a verified *message*."""
        for bucket, key in self._named(_charges(message)):
            bucket.take(key, now)

    def count_refused(self, who: bytes, now: int) -> None:
        """Count a signature that did not verify."""
        for bucket, key in self._named([("refused_signatures", who)]):
            bucket.take(key, now)

    def welcome(self, who: bytes, now: int) -> None:
        """Count a new address from *who*. Raise `TooManyCalls` if there are too many."""
        self._refuse(bucket.take(key, now) for bucket, key in self._named([("new_addresses", who)]))

    def _named(self, charges: Iterable[tuple[str, bytes]]) -> Iterable[tuple[Buckets, bytes]]:
        return [(self._buckets[name], key) for name, key in charges if name in self._buckets]

    def _refuse(self, waits: Iterable[int]) -> None:
        wait = max(waits, default=0)
        if wait:
            raise TooManyCalls(retry_after=wait)


def _charges(message: Message) -> list[tuple[str, bytes]]:
    """Return the limits that *message* counts for, each with its key."""
    if not isinstance(message, Directed):
        return [("updates", message.sender.raw)]
    recipient = message.recipient.raw
    pair = message.sender.raw + recipient
    dial = [("dial", pair)] if isinstance(message, Dial) else []
    return [*dial, ("calls", pair), ("recipient", recipient), ("recipient_hour", recipient)]
