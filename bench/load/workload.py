"""Workload: the same users in every process, and their calls, signed as they are made."""

import json
import os
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# More than any cache of a few entries, and registered in a second.
POPULATION = 10_000

# People with several devices; their numbers follow those of the population.
SEVERAL = 1_000
DEVICES = 3
SUBSCRIPTIONS_FROM = 1_000_000  # numbers of the subscriptions of their second devices

# What is sealed in an offer with its candidates, and in a late candidate: their bodies are 1.1 and 0.6 kB.
OFFER_BYTES = 555
ICE_BYTES = 180

# Numbers of people that each seed of `new_registrations` has for itself.
SEEDS_FROM = 10_000_000

Data = dict[str, Any]  # JSON


@dataclass(frozen=True, slots=True)
class Person:
    """A registered user with a key."""

    key: Ed25519PrivateKey
    raw: bytes
    address: str
    devices: int = 1

    @classmethod
    def of(cls, number: int, devices: int = 1) -> "Person":
        """Return the user of this *number*, the same in every process."""
        key = Ed25519PrivateKey.from_private_bytes(sha256(b"bench %d" % number).digest())
        raw = key.public_key().public_bytes_raw()
        return cls(key, raw, b64encode(raw).decode(), devices)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A push subscription; its messages are never read, so the private key is not kept."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    @classmethod
    def at(cls, origin: str, number: int) -> "Subscription":
        """Return the subscription of this *number* at the push service *origin*, the same in every process.

        Its endpoint is as long as Mozilla's are.
        """
        chance = sha256(b"subscription %d" % number).digest()
        key = ec.derive_private_key(int.from_bytes(chance), ec.SECP256R1()).public_key()
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return cls(f"{origin}/wpush/v2/{number:08}{'g' * 170}", point, chance[:16])

    @property
    def as_data(self) -> Data:
        """The subscription as it is sent."""
        p256dh, auth = (urlsafe_b64encode(each).decode().rstrip("=") for each in (self.p256dh, self.auth))
        return {"a": self.endpoint, "b": None, "c": {"a": p256dh, "b": auth}}


@dataclass(frozen=True, slots=True)
class Request:
    """Call as it is posted: its path and body."""

    path: str
    body: bytes
    pushes: int = 0  # that it becomes


@cache
def population() -> list[Person]:
    """Return all users; takes about half a second, once in a process."""
    return [Person.of(number) for number in range(POPULATION)]


@cache
def people_with_devices() -> list[Person]:
    """Return those who have several devices."""
    return [Person.of(number, DEVICES) for number in range(POPULATION, POPULATION + SEVERAL)]


def now_ms() -> int:
    """Return the machine's time."""
    return time.time_ns() // 1_000_000


def calls_to_devices(_: list[Person], seed: int) -> Iterator[Request]:
    """Make calls as `calls` does, between people who have several devices."""
    return calls(people_with_devices(), seed)


def new_registrations(origin: str, _: list[Person], seed: int) -> Iterator[Request]:
    """Make one first registration after the other: nobody comes twice, whatever the seed."""
    for number in count(SEEDS_FROM * (seed + 1)):
        yield make_update(Person.of(number), Subscription.at(origin, number))


def renewals(origin: str, people: list[Person], seed: int) -> Iterator[Request]:
    """Make one renewal of a registration after the other, everybody in turn."""
    first = Random(seed).randrange(len(people))  # noqa: S311 - who begins is no secret
    for turn in count(first):
        number = turn % len(people)
        yield make_update(people[number], Subscription.at(origin, number))


def calls(people: list[Person], seed: int, clock: Callable[[], int] = now_ms) -> Iterator[Request]:
    """Make one call after the other, signed when it is asked for: a dial, its offer, a late candidate.

    The *clock* gives each its timestamp, in ms.
    """
    chance = Random(seed)  # noqa: S311 - who calls whom is no secret
    for turn in count():
        if turn % 3 == 0:
            alice, bob = chance.sample(people, 2)
            yield make_call("dial", alice, bob, sent_at=clock())
        elif turn % 3 == 1:
            yield make_call("offer", bob, alice, OFFER_BYTES, sent_at=clock())
        else:
            yield make_call("ice", alice, bob, ICE_BYTES, sent_at=clock())


def calls_and_updates(origin: str, people: list[Person], seed: int) -> Iterator[Request]:
    """Make one call after the other, as `calls` does: an update, a dial, its offer, its answer.

    Each person comes once in all people's turn, so that no update is older than the one before it.
    """
    first = Random(seed).randrange(len(people))  # noqa: S311 - who begins is no secret
    for turn in count(first):
        number, other = turn % len(people), (turn + 1) % len(people)
        alice, bob = people[number], people[other]
        yield make_update(alice, Subscription.at(origin, number))
        yield make_call("dial", alice, bob)
        yield make_call("offer", bob, alice, OFFER_BYTES)
        yield make_call("answer", alice, bob, OFFER_BYTES)


def make_update(person: Person, subscription: Subscription) -> Request:
    """Return a registration."""
    return _sign("update", person, {"a": person.address, "b": subscription.as_data, "c": now_ms()})


def make_call(
    method: str, sender: Person, recipient: Person, sealed: int = 0, sent_at: int | None = None
) -> Request:
    """Return a new call with so many *sealed* bytes, of now or of *sent_at*."""
    data: Data = {
        "a": sender.address,
        "b": now_ms() if sent_at is None else sent_at,
        "c": recipient.address,
        "d": b64encode(os.urandom(32)).decode(),
    }
    if sealed:
        data["e"] = b64encode(os.urandom(sealed)).decode()
    return _sign(method, sender, data, recipient.devices)


def _sign(method: str, sender: Person, data: Data, pushes: int = 0) -> Request:
    text = json.dumps(data, separators=(",", ":"))
    signature = b64encode(sender.key.sign(text.encode())).decode()
    return Request(f"/{method}", f'{{"a":"{method}","b":{text},"c":"{signature}"}}'.encode(), pushes)
