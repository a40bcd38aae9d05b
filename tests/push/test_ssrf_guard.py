"""SSRF guard: push services are reached, and nobody inside the server's own network."""

import asyncio
import json
import socket
import threading
from ipaddress import IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.push.ssrf_guard import (
    INTERNET,
    LOOKUP_THREADS,
    LOOKUPS_PER_SITE,
    MAX_LOOKUPS,
    LookUp,
    Network,
    NotPublic,
    PublicResolver,
)

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType

pytestmark = pytest.mark.anyio

SSRF = json.loads((Path(__file__).parents[1] / "vectors/ssrf.json").read_text(encoding="utf-8"))
PATIENCE_S = 2  # for a look-up


def dns(table: dict[str, list[list[str]]]) -> LookUp:
    """Return a look-up in *table*: for each name the answers to one look-up after the other."""
    left = {name: iter(answers) for name, answers in table.items()}

    def look_up(host: str, port: int, family: int, kind: int) -> list[Any]:
        return [
            entry for address in next(left[host]) for entry in socket.getaddrinfo(address, port, family, kind)
        ]

    return look_up


(REBOUND,) = [case for case in SSRF["cases"] if case.get("rebind")]
HOSTILE_NAMES = {
    case["id"]: (host, addresses)
    for case in SSRF["cases"]
    if case["public"] == "refuse_connect" and case is not REBOUND
    for host, addresses in case["dns"].items()
    if addresses
}


@pytest.mark.parametrize("host", SSRF["dns"])
async def test_an_honest_name_is_resolved_to_its_addresses(host: str) -> None:
    """All of them, in their order."""
    resolver = PublicResolver(Network(dns({host: [SSRF["dns"][host]]})), PATIENCE_S)

    found = await resolver.resolve(host, 443)

    resolver.close()
    assert [address for *_, (address, *_) in found] == SSRF["dns"][host]
    assert {port for *_, (_, port, *_) in found} == {443}


@pytest.mark.parametrize(("host", "addresses"), HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
async def test_a_hostile_name_is_not_resolved(host: str, addresses: list[str]) -> None:
    """One bad address condemns the name, before or after good ones."""
    resolver = PublicResolver(Network(dns({host: [addresses]})), PATIENCE_S)

    with pytest.raises(NotPublic):
        await resolver.resolve(host, 443)
    resolver.close()


async def test_a_name_is_judged_each_time_it_is_resolved() -> None:
    """What was honest once may lead inside the next time (DNS rebinding)."""
    resolver = PublicResolver(Network(dns(REBOUND["dns"])), PATIENCE_S)
    (host,) = REBOUND["dns"]

    first = await resolver.resolve(host, 443)

    assert [address for *_, (address, *_) in first] == REBOUND["dns"][host][0]
    with pytest.raises(NotPublic):
        await resolver.resolve(host, 443)
    resolver.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1", "0"])
async def test_a_name_that_leads_inside_is_not_resolved(host: str) -> None:
    """Also when it is an address already."""
    resolver = PublicResolver(INTERNET, PATIENCE_S)

    with pytest.raises(NotPublic):
        await resolver.resolve(host, 443)
    resolver.close()


@pytest.mark.parametrize(
    ("address", "family"),
    [("93.184.215.14", socket.AF_INET), ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", socket.AF_INET6)],
    ids=["v4", "v6"],
)
async def test_a_public_address_is_resolved_to_itself(address: str, family: socket.AddressFamily) -> None:
    """The name stays with it, for TLS and the Host header."""
    resolver = PublicResolver(INTERNET, PATIENCE_S)

    found = await resolver.resolve(address, 443)

    resolver.close()
    assert [(family, *there[:2]) for family, *_, there in found] == [(family, address, 443)]


async def test_a_name_that_cannot_be_looked_up_is_an_error_of_the_network() -> None:
    """A family that the address does not have has no answer."""
    resolver = PublicResolver(INTERNET, PATIENCE_S)

    with pytest.raises(OSError, match=r"\[Errno") as caught:
        await resolver.resolve("93.184.215.14", 443, socket.AF_INET6)
    resolver.close()
    assert not isinstance(caught.value, NotPublic)


async def test_a_look_up_that_takes_too_long_is_given_up() -> None:
    """Here no time at all is allowed."""
    resolver = PublicResolver(INTERNET, timeout_s=0)

    with pytest.raises(OSError, match="not resolved in time"):
        await resolver.resolve("localhost", 443)
    resolver.close()


async def test_of_one_site_only_a_few_names_are_looked_up_at_once() -> None:
    """Its name servers may hang on purpose: names of other sites are looked up meanwhile."""
    awake, asked = threading.Event(), list[str]()

    def look_up(host: str, *_: int) -> list[Any]:
        if host.endswith(".hanging.example"):
            asked.append(host)
            awake.wait(PATIENCE_S)
        return socket.getaddrinfo("93.184.215.14", 443, type=socket.SOCK_STREAM)

    resolver = PublicResolver(Network(look_up), PATIENCE_S, LOOKUPS_PER_SITE)
    names = [f"{number}.hanging.example" for number in range(4 * LOOKUP_THREADS)]
    hanging = [asyncio.ensure_future(resolver.resolve(name)) for name in names]
    async with asyncio.timeout(PATIENCE_S / 2):
        found = await resolver.resolve("push.example.org")
        while len(asked) < LOOKUPS_PER_SITE:  # threads begin when they may
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    at_once = len(asked)
    awake.set()
    ended = await asyncio.gather(*hanging)
    resolver.close()

    assert (bool(found), at_once) == (True, LOOKUPS_PER_SITE)
    assert all(ended)


async def test_look_ups_that_have_not_begun_end_with_the_server() -> None:
    """The others can't be ended: nobody waits for them."""
    awake = threading.Event()

    def look_up(*_: object) -> list[Any]:
        awake.wait(PATIENCE_S)
        return []

    resolver = PublicResolver(Network(look_up), PATIENCE_S)
    hanging = [asyncio.ensure_future(resolver.resolve(f"{n}.example.org")) for n in range(2 * LOOKUP_THREADS)]
    await asyncio.sleep(0.05)
    resolver.close()
    await asyncio.sleep(0.05)
    cancelled = sum(task.cancelled() for task in hanging)
    awake.set()
    await asyncio.gather(*hanging, return_exceptions=True)

    assert cancelled == LOOKUP_THREADS


async def test_look_ups_of_many_sites_are_bounded() -> None:
    """What nobody waits for any more would queue up before the threads."""
    awake = threading.Event()

    def look_up(*_: object) -> list[Any]:
        awake.wait(PATIENCE_S)
        return []

    resolver = PublicResolver(Network(look_up), PATIENCE_S, LOOKUPS_PER_SITE)
    names = [f"push.site{number}.example" for number in range(2 * MAX_LOOKUPS)]
    hanging = [asyncio.ensure_future(resolver.resolve(name)) for name in names]
    await asyncio.sleep(0.05)
    refused = sum(task.done() for task in hanging)
    awake.set()
    await asyncio.gather(*hanging, return_exceptions=True)
    resolver.close()

    assert refused == MAX_LOOKUPS


async def test_a_name_behind_nat64_is_resolved() -> None:
    """Beside a good A record a DNS64 makes up an AAAA record: the address inside it is judged."""
    found = ["142.250.74.10", "64:ff9b::142.250.74.10"]
    resolver = PublicResolver(Network(dns({"fcm.googleapis.com": [found]})), PATIENCE_S)

    addresses = await resolver.resolve("fcm.googleapis.com", 443)

    resolver.close()
    assert len(addresses) == len(found)


def test_a_socket_is_made_behind_the_operators_nat64() -> None:
    """Under the prefix that the operator names, and under no other."""
    network = Network(nat64_prefix=IPv6Network("2001:db8:64::/96"))

    network.public_socket(info_of("2001:db8:64::8.8.8.8")).close()
    with pytest.raises(NotPublic):
        network.public_socket(info_of("2001:db8:65::8.8.8.8"))


def info_of(address: str) -> "AddrInfoType":
    """Return an address as the connector hands it over."""
    return socket.getaddrinfo(address, 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1", "::ffff:127.0.0.1", "168.63.129.16", "64:ff9b::1"],
)
def test_no_socket_is_made_for_an_address_that_is_not_public(address: str) -> None:
    """The last check, which a literal and a rebound name meet too."""
    with pytest.raises(NotPublic):
        INTERNET.public_socket(info_of(address))


def test_a_socket_is_made_for_a_public_address() -> None:
    """Of its family, and not connected yet."""
    with INTERNET.public_socket(info_of("93.184.215.14")) as made:
        assert (made.family, made.type) == (socket.AF_INET, socket.SOCK_STREAM)


def test_a_refusal_names_no_address() -> None:
    """Who asks may not map the network by it."""
    with pytest.raises(NotPublic) as caught:
        INTERNET.public_socket(info_of("10.20.30.40"))

    assert "10.20.30.40" not in str(caught.value)
