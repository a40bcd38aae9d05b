"""A server process as an operator runs it, with the database, the push service and the people it serves."""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from app.push.vapid import VapidKey
from tests.deployment import Deployment, serving
from tests.faults.cluster import Cluster
from tests.people import Person
from tests.processes import WHISPER, Program
from tests.push_service import PushService, Subscription
from tests.vectors_of import subscription_json

# Runs a server whose pushes have the deadlines of `tests.deadlines.SHORT`.
HURRIED = (sys.executable, "-m", "tests.hurried_server")
# Instances of one server share its key.
VAPID_KEY = VapidKey.generate().private_text
UNCHANGED: Mapping[str, str] = {}


@dataclass(frozen=True)
class Citizen:
    """Somebody with a browser that receives."""

    person: Person
    browser: Subscription

    @property
    def token(self) -> str:
        """What the push service knows them by."""
        return self.browser.endpoint.rpartition("/")[2]

    def update(self, sent_at: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Return their registration."""
        browser = self.browser
        subscription = subscription_json(browser.endpoint, browser.p256dh, browser.auth)
        return self.person.update(subscription | changes, sent_at=sent_at)


@dataclass(frozen=True)
class Site:
    """A server and what is around it."""

    program: Program
    deployment: Deployment
    cluster: Cluster
    database: str
    push: PushService
    people: list[Citizen] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the server is."""
        return self.deployment.url

    @property
    def process(self) -> psutil.Process:
        """The server's process."""
        return psutil.Process(self.program.process.pid)

    @property
    def tracebacks(self) -> int:
        """How many failures the server has logged."""
        return self.program.output.count("Traceback")

    def rows(self, columns: str) -> list[list[str]]:
        """Return *columns* of every row of the table, as text."""
        return self.cluster.sql(f"SELECT {columns} FROM subscription", self.database)  # noqa: S608 - a test's words


def settings(url: str, push: PushService) -> dict[str, str]:
    """Return the variables of a server without limits for callers."""
    return {
        "WHISPER_DATABASE_URL": url,
        "WHISPER_PUSH_ENDPOINTS": f"browsers,{push.origin}",
        "WHISPER_VAPID_PRIVATE_KEY": VAPID_KEY,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_RATE_LIMITS": "off",
    }


@contextmanager
def site(
    cluster: Cluster,
    push: PushService,
    *,
    database: str | None = None,
    gate_port: int | None = None,
    env: Mapping[str, str] = UNCHANGED,
    command: Sequence[str] = (WHISPER, "serve"),
) -> Iterator[Site]:
    """Run a server on *database*, one of its own if none is named, until the block ends."""
    database = database or cluster.database()
    with tempfile.TemporaryDirectory(prefix="site") as home:
        variables = settings(cluster.url(database, gate_port), push) | dict(env)
        with serving(Deployment(0, variables, Path(home)), command) as (program, deployed):
            yield Site(program, deployed, cluster, database, push)
