"""Environment of the hostile-input tests: a server process, a push service, a recipient and the table."""

import asyncio
import json
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Row, text
from sqlalchemy.engine import URL

from app.push.vapid import VapidKey
from app.store.database import Database
from tests.deployment import Deployment, serving
from tests.hostile.raw_http import Reply, exchange
from tests.hostile.request_builder import PEOPLE, Built, CallContext, Case, Json, build, texts_in
from tests.people import body, now_ms
from tests.processes import Program
from tests.push_service import PushService, Subscription
from tests.short_deadline_server import SHORT_DEADLINE_SERVER
from tests.vector_files import subscription_json

# Seconds between two samples of the server's memory.
SAMPLE_EVERY_S = 0.002

# Seconds after which a server knows that its clients are gone.
SETTLE_S = 0.5

# Instances of one server share its key.
VAPID_KEY = VapidKey.generate().private_text


# All but the lease of a purge (32 zero bytes), which comes and goes.
ROWS = "SELECT * FROM subscription WHERE address <> decode(repeat('00', 32), 'hex') ORDER BY address"


@dataclass(frozen=True)
class ResourceUsage:
    """Resources of an idle server, and the duration of its slowest honest call."""

    clients: int
    files: int
    threads: int
    memory: int
    seconds: float


@dataclass(frozen=True)
class Server:
    """A server process, and every text that was sent to it."""

    program: Program
    port: int
    sent_texts: set[str] = field(default_factory=set, repr=False)

    @property
    def process(self) -> psutil.Process:
        """The process, as the system sees it."""
        return psutil.Process(self.program.process.pid)

    @property
    def memory(self) -> int:
        """The resident memory, bytes."""
        return self.process.memory_info().rss

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        inward = [each for each in self.process.net_connections("tcp") if each.laddr.port == self.port]
        return sum(1 for each in inward if each.status != psutil.CONN_LISTEN)

    @property
    def leaked(self) -> list[str]:
        """Every text that was sent and then logged; of an endpoint the path and query are secret."""
        secrets = {
            text.partition("://")[2].partition("/")[2] if "://" in text else text for text in self.sent_texts
        }
        return [secret for secret in secrets if len(secret) > 1 and secret in self.program.output]

    async def measure_idle(self, seconds: float) -> ResourceUsage:
        """Measure the resources once all clients have disconnected."""
        await asyncio.sleep(SETTLE_S)
        process = self.process
        return ResourceUsage(self.clients, process.num_fds(), process.num_threads(), self.memory, seconds)

    async def post(self, case: Case, built: Built) -> Reply:
        """Send *built* as *case* says."""
        self.sent_texts.update(texts_in(built.envelope))
        return await exchange(self.port, case, built.body)

    async def memory_used_by(self, work: Coroutine[Any, Any, Reply]) -> tuple[int, Reply]:
        """Return by how many bytes the memory grows at most during *work*, and its reply."""
        before = most = self.memory
        task = asyncio.create_task(work)
        while not task.done():
            most = max(most, self.memory)
            await asyncio.sleep(SAMPLE_EVERY_S)
        return max(most, self.memory) - before, task.result()

    async def register(self, name: str, browser: Subscription) -> Reply:
        """Register a person of the vectors with *browser*."""
        call = PEOPLE[name].update(subscription_json(browser.endpoint, browser.p256dh, browser.auth))
        return await self.post({"method": "update"}, Built(call, body(call)))


@contextmanager
def server(database: URL, push_service: PushService, **settings: str) -> Iterator[Server]:
    """Run a server that logs all it can, until the block ends.

    It may send to the browsers' push services, as the vectors' endpoints are at one: such updates are stored,
    and nothing is ever sent there. Who is called is registered at *push_service*, which shows what arrives.
    """
    env = {
        "WHISPER_DATABASE_URL": database.render_as_string(hide_password=False),
        "WHISPER_PUSH_ENDPOINTS": f"browsers,{push_service.origin}",
        "WHISPER_VAPID_PRIVATE_KEY": VAPID_KEY,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_LOG_LEVEL": "DEBUG",
    }
    with (
        tempfile.TemporaryDirectory(prefix="hostile") as home,
        serving(Deployment(0, env | settings, Path(home)), SHORT_DEADLINE_SERVER) as (program, deployed),
    ):
        yield Server(program, deployed.port)


@dataclass(frozen=True)
class Environment:
    """A server, its push service and database, and a registered recipient."""

    server: Server
    push_service: PushService
    database: Database
    bob: Subscription

    @property
    def pushed(self) -> list[dict[str, Json]]:
        """Every call that reached Bob, decrypted, as its sender sent it."""
        calls = [json.loads(message)["data"] for message in self.bob.decrypted]
        return [call | {"b": json.loads(call["b"])} for call in calls]

    @property
    def posted(self) -> int:
        """How many messages the push service was sent, whatever became of them."""
        return len(self.push_service.received)

    async def rows(self) -> list[Row[Any]]:
        """Return the whole table of subscriptions."""
        return list(await self.database.fetch(text(ROWS)))

    async def registered(self) -> list[Row[Any]]:
        """Return the rows with a subscription: no tombstones, no marks of what is gone, no lease."""
        return [row for row in await self.rows() if row.endpoint is not None]

    async def row(self, name: str) -> Row[Any] | None:
        """Return the row of a person of the vectors."""
        address = PEOPLE[name].address.raw
        return next((row for row in await self.rows() if row.address == address), None)

    async def send(self, case: Case, speaker: str = "alice") -> tuple[Built, Reply]:
        """Build *case* now and send it; return what was sent, and the reply."""
        built = build(case, CallContext(now_ms(), speaker))
        return built, await self.server.post(case, built)
