"""SSRF guard: DNS resolver and sockets for public addresses only."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv6Network
from ssl import SSLContext
from typing import Any

from aiohappyeyeballs import AddrInfoType

from app.push.http.proxy import EgressProxy
from app.push.ip_addresses import is_public

# Look-ups have threads of their own: slow ones hold up nobody but each other.
LOOKUP_THREADS = 16
# Of untrusted names, at once: whoever has a domain may have name servers that hang.
LOOKUPS_PER_SITE = 4
MAX_LOOKUPS = 64


def site_of(host: str) -> str:
    """Return a key for the domain that *host* is in: whoever owns it may have any number of hosts below it.

    Two labels, without a list of public suffixes: neighbours below one may share what a site gets.
    """
    return "." + ".".join(host.split(".")[-2:])


# What `socket.getaddrinfo` is.
LookUp = Callable[[str, int, int, int], Sequence[tuple[int, int, int, str, Any]]]


class NotPublic(OSError):
    """Address that is not of the public Internet, or a name that leads to one."""


class PublicResolver:
    """DNS resolver that returns public addresses only: one bad answer condemns the name.

    Of the names of one site *per_site* are looked up at once, `MAX_LOOKUPS` in all; with `None` any number.
    """

    def __init__(self, network: "Network", timeout_s: float, per_site: int | None = None) -> None:
        self._network = network
        self._timeout_s = timeout_s
        self._per_site = per_site
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, "dns")
        self._asked: dict[tuple[str, int, int], asyncio.Future[Any]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[AddrInfoType]:
        """Return the addresses of *host*. Raise `OSError` when there are none, `NotPublic` for a bad one."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._wait_for_turn(host)
                found: Sequence[AddrInfoType] = await asyncio.shield(self._ask(host, port, family))
        except TimeoutError:
            raise OSError("the name was not resolved in time") from None
        if not all(self._network.is_public(address) for *_, address in found):
            raise NotPublic("the name leads to an address that is not public")
        return found

    def _ask(self, host: str, port: int, family: int) -> asyncio.Future[Any]:
        """Look *host* up, or join the look-up that is under way: a name that hangs holds one thread."""
        question = (host, port, family)
        if question not in self._asked:
            answer = asyncio.get_running_loop().run_in_executor(
                self._threads, self._network.look_up, host, port, family, socket.SOCK_STREAM
            )
            self._asked[question] = answer
            answer.add_done_callback(lambda done: self._forget(question, done))
        return self._asked[question]

    async def _wait_for_turn(self, host: str) -> None:
        """Wait until another name of *host*'s site may be looked up. Raise `OSError` for too many in all."""
        if self._per_site is None:
            return
        site = site_of(host)
        while True:
            pending = [answer for (name, *_), answer in self._asked.items() if site_of(name) == site]
            if len(pending) < self._per_site:
                break
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        if len(self._asked) >= MAX_LOOKUPS:
            raise OSError("too many names are being looked up")

    def _forget(self, question: tuple[str, int, int], answer: asyncio.Future[Any]) -> None:
        del self._asked[question]
        if not answer.cancelled():
            answer.exception()  # it may be that nobody is left to look at it

    def close(self) -> None:
        """Let go of the threads; a look-up that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Network:
    """DNS look-up, sockets and TLS trust, which tests replace, and the way out that an operator has."""

    look_up: LookUp = socket.getaddrinfo
    make_socket: Callable[[int, int, int], socket.socket] = socket.socket
    tls: SSLContext | None = None  # the machine's own trust
    nat64_prefix: IPv6Network | None = None
    proxy: EgressProxy | None = None

    def is_public(self, address: Sequence[Any]) -> bool:
        """Tell whether a socket's *address* is of the public Internet."""
        return is_public(str(address[0]), self.nat64_prefix)

    def public_socket(self, addr_info: AddrInfoType) -> socket.socket:
        """Make the socket for an address that is about to be connected. Raise `NotPublic` for a bad one."""
        family, kind, proto, _, address = addr_info
        if not self.is_public(address):
            raise NotPublic("the address is not public")
        return self.make_socket(family, kind, proto)


INTERNET = Network()
