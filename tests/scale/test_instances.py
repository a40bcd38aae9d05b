"""Three instances behind nginx, with PgBouncer, Postgres and Redis behind them: as deploy/ has them."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest

from tests.deployment import serving
from tests.faults.harness.cluster import Cluster
from tests.faults.harness.delivery_checks import count_pushes, lost_updates, undelivered_calls, wait_for_push
from tests.faults.harness.fault_proxy import fault_proxy
from tests.faults.harness.load_generator import (
    CLIENT_TIMEOUT_S,
    Caller,
    Sample,
    open_caller,
    register_users,
    run_load,
)
from tests.faults.harness.scenario import OK
from tests.faults.harness.server_process import RunningServer, run_server
from tests.metrics import SOCKET, scrape
from tests.people import Person, body, now_ms
from tests.push_service import PushService
from tests.scale.certificate import write_certificate
from tests.scale.programs import free_port, nginx, nginx_conf, pgbouncer, redis

pytestmark = pytest.mark.anyio

PEOPLE = 20
PAUSE_S = 0.03  # between two calls of a person
CUT_OFF = (503, "overloaded")  # nginx's own word, with Retry-After
# Not 1: after the restarts of 0 and 2 a worker of nginx may know no other that lives, for up to 3 s.
KILLED = 2
FORGERIES = 20  # that one place may send at once


@dataclass
class Stack:
    """Whole deployment, whose instances can be ended and started again."""

    instances: list[RunningServer]
    https: str
    trust: ssl.SSLContext
    open_: ExitStack

    def restart(self, number: int) -> None:
        """Start an instance again at its port, once it has ended."""
        deployment = self.instances[number].deployment
        running, _ = self.open_.enter_context(serving(deployment))
        self.instances[number] = replace(self.instances[number], program=running)

    def in_flight(self, number: int) -> bool:
        """Tell whether an instance is carrying a call."""
        return scrape(self.instances[number].deployment.home)["whisper_in_flight", "trusted"] > 0

    @property
    def served(self) -> list[int]:
        """How many requests each instance has served."""
        return [each.program.output.count("path=/") for each in self.instances]

    @asynccontextmanager
    async def open_caller(self, place: str = "127.0.0.1") -> AsyncIterator[Caller]:
        """Open a caller of nginx from the local address *place*."""
        connector = aiohttp.TCPConnector(ssl=self.trust, limit=0, local_addr=(place, 0))
        timeout = aiohttp.ClientTimeout(CLIENT_TIMEOUT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield Caller(session, self.https)

    async def exchange(self, request: bytes) -> tuple[str, Any]:
        """Return the status line and the JSON that nginx answers *request* with, before it closes."""
        port = int(self.https.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=self.trust)
        writer.write(request)
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        await writer.wait_closed()  # with TLS, its end takes the other side
        return head.partition("\r\n")[0], json.loads(body)


@pytest.fixture(scope="module")
def stack(
    steady_cluster: Cluster, push: PushService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run all of it."""
    home = tmp_path_factory.mktemp("stack")
    home.parent.chmod(0o755)  # for PgBouncer, which gives up being root
    home.chmod(0o755)
    database, pooler, store, https = steady_cluster.database(), free_port(), free_port(), free_port()
    env = {
        "WHISPER_DATABASE_URL": f"postgresql://whisper@127.0.0.1:{pooler}/whisper?pgbouncer=true",
        "WHISPER_REDIS_URL": f"redis://127.0.0.1:{store}",
        "WHISPER_TRUSTED_PROXIES": "127.0.0.1",
        **SOCKET,
        "WHISPER_RATE_LIMITS": "on",
        "WHISPER_LIMIT_NEW_ADDRESSES": "1000/60s",
        **{
            f"WHISPER_LIMIT_{name}": "9999/60s"
            for name in ("DIAL", "CALLS", "CLIENT_CALLS", "RECIPIENT", "UPDATES")
        },
        "WHISPER_LIMIT_RECIPIENT_HOUR": "9999/60s",
        "WHISPER_LIMIT_REFUSED_SIGNATURES": f"{FORGERIES}/600s",
    }
    with ExitStack() as open_:
        postgres = open_.enter_context(fault_proxy(steady_cluster.socket))
        open_.enter_context(pgbouncer(home / "pgbouncer", database, postgres.port, pooler))
        open_.enter_context(redis(store))
        instances = [
            open_.enter_context(run_server(steady_cluster, push, database=database, env=env))
            for _ in range(3)
        ]
        trust = write_certificate(home / "tls")
        ports = [each.deployment.port for each in instances]
        conf = nginx_conf(home / "nginx", https, ports, home / "tls")
        open_.enter_context(nginx(home / "nginx", conf))
        yield Stack(instances, f"https://127.0.0.1:{https}", trust, open_)


async def through_nginx(caller: Caller) -> None:
    """Wait until nginx listens, and an instance answers it."""
    async with asyncio.timeout(CLIENT_TIMEOUT_S):
        while await caller.get("/readyz") != 200:
            await asyncio.sleep(0.05)


async def test_a_call_and_its_update_may_meet_different_instances(stack: Stack, push: PushService) -> None:
    """Whoever registered at one is called through another, in every combination."""
    for at in stack.instances:
        for by in stack.instances:
            async with open_caller(at.url) as there, open_caller(by.url) as here:
                (bob,) = await register_users(push, there, count=1)
                assert (await here.send(Person().to("dial", bob.person))).status == 200
                assert len(bob.browser.decrypted) == 1


async def test_everything_through_nginx(stack: Stack, push: PushService) -> None:
    """TLS in front, three instances behind it, and calls arrive."""
    async with stack.open_caller() as caller:
        await through_nginx(caller)
        people = await register_users(push, caller, PEOPLE)
        async with run_load([caller], people, PAUSE_S) as traffic:
            while len(traffic.samples) < 300:
                await asyncio.sleep(0.05)

    assert set(traffic.codes) == {OK}, traffic.codes
    assert undelivered_calls(traffic, people) == []
    assert all(count > 20 for count in stack.served), stack.served


async def test_an_instance_that_is_restarted_drops_nothing(stack: Stack, push: PushService) -> None:
    """SIGTERM while people call, one after the other: nobody behind nginx notices."""
    async with stack.open_caller() as caller:
        await through_nginx(caller)
        people = await register_users(push, caller, PEOPLE)
        async with run_load([caller], people, PAUSE_S) as traffic:
            for number in (0, 2):
                assert await asyncio.to_thread(stack.instances[number].program.stop) == 0
                await asyncio.to_thread(stack.restart, number)

    assert set(traffic.codes) == {OK}, traffic.codes
    assert undelivered_calls(traffic, people) == []
    assert lost_updates(traffic, stack.instances[0]) == []


class PersistentCaller(Caller):
    """Caller that repeats the very same call when it was cut off."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.cut_off: list[Sample] = []

    async def send(self, call: dict[str, Any]) -> Sample:
        """Send *call* until it is answered by an instance."""
        sample = await self._caller.send(call)
        while (sample.status, sample.code) == CUT_OFF:
            self.cut_off.append(sample)
            await asyncio.sleep(int(sample.retry_after or 0))
            sample = await self._caller.send(call)
        return sample


async def test_killing_an_instance_loses_nothing(stack: Stack, push: PushService) -> None:
    """Who was being served there is told to try again, and then is; nobody else notices."""
    async with stack.open_caller() as once:
        await through_nginx(once)
        caller = PersistentCaller(once)
        people = await register_users(push, caller, PEOPLE)
        served = stack.served[KILLED]
        async with run_load([caller], people, PAUSE_S) as traffic:
            async with asyncio.timeout(CLIENT_TIMEOUT_S):
                while stack.served[KILLED] < served + PEOPLE:
                    await asyncio.sleep(0.05)
            stack.instances[KILLED].program.kill()
            killed = len(traffic.samples)
            while len(traffic.samples) < killed + 200:
                await asyncio.sleep(0.05)
    await asyncio.to_thread(stack.restart, KILLED)

    assert set(traffic.codes) == {OK}, traffic.codes
    cut_off = [str(sample.call) for sample in caller.cut_off]
    assert len(cut_off) == len(set(cut_off))  # once at most
    assert undelivered_calls(traffic, people) == []
    assert lost_updates(traffic, stack.instances[0]) == []


async def test_a_call_is_sent_to_one_instance_only(stack: Stack, push: PushService) -> None:
    """When that dies with it, nginx does not try another: nobody is rung twice."""
    async with stack.open_caller() as caller:
        await through_nginx(caller)
        alice, bob = await register_users(push, caller, count=2)
        push.script([{"hang": "head", "forever": True}], bob.token)
        dialling = asyncio.create_task(caller.send(alice.person.to("dial", bob.person)))
        await wait_for_push(push, bob)
        (busy,) = [number for number in range(3) if stack.in_flight(number)]
        stack.instances[busy].program.kill()
        sample = await dialling
    await asyncio.to_thread(stack.restart, busy)

    assert (sample.status, sample.code, sample.retry_after) == (*CUT_OFF, "1")
    assert count_pushes(push, bob) == 1


async def test_limits_are_for_a_client_and_of_all_instances(stack: Stack) -> None:
    """Nginx tells who calls, whatever a client says of itself; the instances count together."""
    forged = Person().to("dial", Person()) | {"c": Person().sign(b"anything")}

    async def forge(caller: Caller, number: int) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        post = caller._session.post(f"{caller.url}/dial", data=body(forged), headers=headers)  # noqa: SLF001
        async with post as response:
            return response.status

    async with stack.open_caller("127.0.0.5") as here, stack.open_caller("127.0.0.6") as elsewhere:
        await through_nginx(here)
        statuses = [await forge(here, number) for number in range(FORGERIES + 3)]
        other = await forge(elsewhere, 1)

    assert statuses == [401] * FORGERIES + [429] * 3
    assert other == 401


@pytest.mark.parametrize(
    "path", ["/metrics", "//metrics", "/./metrics", "/%6detrics", "/x/../metrics", "/metrics?x"]
)
async def test_nobody_reads_metrics_through_nginx(stack: Stack, path: str) -> None:
    """However it is spelled: the instances have them elsewhere."""
    async with stack.open_caller() as caller:
        await through_nginx(caller)

    head, answer = await stack.exchange(
        f"GET {path} HTTP/1.1\r\nHost: whisper\r\nConnection: close\r\n\r\n".encode()
    )

    assert " 404 " in head
    assert answer["code"] == "not_found"


async def test_a_body_that_nginx_refuses_is_refused_in_our_words(stack: Stack) -> None:
    """A client can read it."""
    async with stack.open_caller() as caller:
        await through_nginx(caller)

    head, answer = await stack.exchange(
        b"POST /dial HTTP/1.1\r\nHost: whisper\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000
    )

    assert " 413 " in head
    assert (answer["ok"], answer["code"]) == (False, "body_too_large")
    assert abs(answer["timestamp"] - now_ms()) < 60_000
