"""Load generator: registered users who call each other, and a sample of each call."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count as count_from
from typing import Any

import aiohttp

from tests.faults.harness.server_process import User
from tests.people import Person, body, now_ms
from tests.push_service import PushService

CLIENT_TIMEOUT_S = 20  # longer than any deadline of the server
PAUSE_S = 0.2  # between two calls of a person
USERS = 10
LIFE_MS = 24 * 60 * 60 * 1000  # of a registration: an update's row shows whose timestamp it has

REFUSED = "refused"  # nobody listened
LOST = "lost"  # a connection ended without an answer
UNREADABLE = "unreadable"  # an answer in no form that clients know


@dataclass(frozen=True)
class Sample:
    """Call and its result. Without an answer *status* is 0, and *code* tells why; times in seconds.

    *timestamp* is what the server's clock said, in ms.
    """

    call: dict[str, Any]
    status: int
    code: str | None
    retry_after: str | None
    timestamp: int
    began: float
    seconds: float

    @property
    def method(self) -> str:
        """The call's method."""
        return str(self.call["a"])

    @property
    def ended(self) -> float:
        """When the result was known, by the monotonic clock."""
        return self.began + self.seconds


class Caller:
    """HTTP client that sends calls, each over a new connection by default, as phones do."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def send(self, call: dict[str, Any]) -> Sample:
        """Send *call* once, and return what became of it."""
        began = time.monotonic()
        try:
            status, code, retry_after, timestamp = await self._post(call)
        except aiohttp.ClientConnectorError:
            status, code, retry_after, timestamp = 0, REFUSED, None, 0
        except (aiohttp.ClientError, OSError, TimeoutError):
            status, code, retry_after, timestamp = 0, LOST, None, 0
        return Sample(call, status, code, retry_after, timestamp, began, time.monotonic() - began)

    async def get(self, path: str) -> int:
        """Return the status at *path*, 0 without an answer."""
        try:
            async with self._session.get(f"{self.url}{path}") as response:
                return response.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0

    async def _post(self, call: dict[str, Any]) -> tuple[int, str | None, str | None, int]:
        async with self._session.post(f"{self.url}/{call['a']}", data=body(call)) as response:
            content = await response.read()
            wait = response.headers.get("Retry-After")
            try:
                answer = json.loads(content)
            except ValueError:
                return response.status, UNREADABLE, wait, 0
            return response.status, answer.get("code"), wait, answer["timestamp"]


@asynccontextmanager
async def open_caller(url: str, place: str = "127.0.0.1", *, lasting: bool = False) -> AsyncIterator[Caller]:
    """Open a caller of *url* from the local address *place*; *lasting* keeps connections open."""
    timeout = aiohttp.ClientTimeout(CLIENT_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=0, force_close=not lasting, local_addr=(place, 0))
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Caller(session, url)


async def register_users(push: PushService, caller: Caller, count: int = USERS) -> list[User]:
    """Register so many new users with *caller*'s server."""
    users = [User(Person(), push.subscribe()) for _ in range(count)]
    samples = [await caller.send(user.update(now_ms())) for user in users]
    assert {sample.status for sample in samples} == {200}, samples[-1]
    return users


@dataclass
class Traffic:
    """Samples of a load run so far."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def codes(self) -> Counter[tuple[int, str | None]]:
        """The number of calls for each status and code."""
        return Counter((sample.status, sample.code) for sample in self.samples)

    @property
    def slowest(self) -> float:
        """The duration of the slowest call, seconds."""
        return max(sample.seconds for sample in self.samples)

    @property
    def accepted(self) -> list[Sample]:
        """The calls that were answered with success."""
        return [sample for sample in self.samples if sample.status == 200]

    def during(self, began: float, ended: float) -> "Traffic":
        """Return the calls that began and ended between these two times."""
        inside = [sample for sample in self.samples if sample.began >= began and sample.ended <= ended]
        return Traffic(inside)

    def recovered_in(self, moment: float) -> float:
        """Return the seconds from *moment* until every call is served again."""
        late = [sample.ended for sample in self.samples if sample.began >= moment and sample.status != 200]
        first = [sample.ended for sample in self.accepted if sample.began >= moment]
        return max([*late, min(first)]) - moment


@asynccontextmanager
async def run_load(
    callers: Iterable[Caller], users: list[User], pause: float = PAUSE_S
) -> AsyncIterator[Traffic]:
    """Let *users* call each other, through the *callers* in turn, until the block ends."""
    traffic, over = Traffic(), asyncio.Event()
    instances = list(callers)
    async with asyncio.TaskGroup() as tasks:
        for number, user in enumerate(users):
            neighbour = users[(number + 1) % len(users)]
            task = _run_user(user, neighbour, instances, traffic, over.is_set, pause)
            tasks.create_task(task)
            await asyncio.sleep(pause / len(users))
        try:
            yield traffic
        finally:
            over.set()


async def _run_user(
    user: User,
    neighbour: User,
    instances: list[Caller],
    traffic: Traffic,
    is_over: Callable[[], bool],
    pause: float,
) -> None:
    methods = ("update", "dial", "offer", "ice")
    for number in count_from():
        if is_over():
            return
        caller = instances[(number // len(methods)) % len(instances)]
        traffic.samples.append(await caller.send(_call(methods[number % len(methods)], user, neighbour)))
        await asyncio.sleep(pause)


def _call(method: str, user: User, neighbour: User) -> dict[str, Any]:
    if method == "update":
        now = now_ms()
        return user.update(now, b=now + LIFE_MS)
    return user.person.to(method, neighbour.person)
