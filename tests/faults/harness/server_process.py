"""Server process fixture, with its database, its push service and its registered users."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from app.push.vapid import VapidKey
from tests.deployment import Deployment, serving
from tests.faults.harness.cluster import Cluster
from tests.people import Person
from tests.processes import WHISPER, Program
from tests.push_service import PushService, Subscription
from tests.vector_files import subscription_json

# Instances of one server share its key.
VAPID_KEY = VapidKey.generate().private_text
UNCHANGED: Mapping[str, str] = {}


@dataclass(frozen=True)
class User:
    """A registered user: an identity, and a browser subscription that receives."""

    person: Person
    browser: Subscription

    @property
    def token(self) -> str:
        """The last segment of the endpoint, by which the push service finds the channel."""
        return self.browser.endpoint.rpartition("/")[2]

    def update(self, sent_at: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Return an update call that registers the user."""
        browser = self.browser
        subscription = subscription_json(browser.endpoint, browser.p256dh, browser.auth)
        return self.person.update(subscription | changes, sent_at=sent_at)


@dataclass(frozen=True)
class RunningServer:
    """A server process, its deployment, database and push service."""

    program: Program
    deployment: Deployment
    cluster: Cluster
    database: str
    push: PushService

    @property
    def url(self) -> str:
        """The base URL."""
        return self.deployment.url

    @property
    def process(self) -> psutil.Process:
        """The server's process."""
        return psutil.Process(self.program.process.pid)

    @property
    def tracebacks(self) -> int:
        """The number of tracebacks in the log."""
        return self.program.output.count("Traceback")

    def rows(self, columns: str) -> list[list[str]]:
        """Return *columns* of every row of the table, as text."""
        return self.cluster.sql(f"SELECT {columns} FROM subscription", self.database)  # noqa: S608 - a test's words


def server_settings(url: str, push: PushService) -> dict[str, str]:
    """Return the environment of a server without rate limits."""
    return {
        "WHISPER_DATABASE_URL": url,
        "WHISPER_PUSH_ENDPOINTS": f"browsers,{push.origin}",
        "WHISPER_VAPID_PRIVATE_KEY": VAPID_KEY,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_RATE_LIMITS": "off",
        "WHISPER_WEB_APP": "off",  # a server looks for its files when it starts
    }


@contextmanager
def run_server(
    cluster: Cluster,
    push: PushService,
    *,
    database: str | None = None,
    proxy_port: int | None = None,
    env: Mapping[str, str] = UNCHANGED,
    command: Sequence[str] = (WHISPER, "serve"),
) -> Iterator[RunningServer]:
    """Run a server on *database*, one of its own if none is named, until the block ends."""
    database = database or cluster.database()
    with tempfile.TemporaryDirectory(prefix="server") as home:
        variables = server_settings(cluster.url(database, proxy_port), push) | dict(env)
        with serving(Deployment(0, variables, Path(home)), command) as (program, deployed):
            yield RunningServer(program, deployed, cluster, database, push)
