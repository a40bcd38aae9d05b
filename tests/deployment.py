"""A server process and a push service process, as an operator would have them."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from app.push.vapid import VapidKey
from tests.http_client import http
from tests.processes import WHISPER, Program, program


@dataclass(frozen=True)
class PushServiceProcess:
    """Local push service, in a process of its own."""

    origin: str
    websocket_url: str

    @property
    def taken(self) -> int:
        """How many pushes it has accepted."""
        return sum(1 for entry in self.log if entry["status"] == 201)

    @property
    def log(self) -> list[dict[str, object]]:
        """Every POST it has received."""
        found: list[dict[str, object]] = http.get(f"{self.origin}/log").json()
        return found

    def clear(self) -> None:
        """Forget the log and every script."""
        http.delete(f"{self.origin}/log")
        http.delete(f"{self.origin}/script")

    def script(self, *answers: dict[str, object]) -> None:
        """Answer the next pushes so."""
        http.put(f"{self.origin}/script/*", json=answers).raise_for_status()


@dataclass(frozen=True)
class Deployment:
    """Configuration of a server process, which can be started again with it."""

    port: int
    env: dict[str, str]
    home: Path
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Where the server is."""
        return f"http://{self.host}:{self.port}"


@contextmanager
def serving(
    deployment: Deployment, command: Sequence[str] = (WHISPER, "serve")
) -> Iterator[tuple[Program, Deployment]]:
    """Run a server until the block ends; yield it with the deployment at the port that it got."""
    arguments = (*command, "--port", str(deployment.port))
    with program(*arguments, env=deployment.env, cwd=deployment.home) as running:
        url = running.wait_for("Open http").partition("Open ")[2].partition(" ")[0]
        yield running, replace(deployment, port=int(url.rpartition(":")[2]))


@contextmanager
def pushing() -> Iterator[PushServiceProcess]:
    """Run a push service until the block ends."""
    with program(sys.executable, "-m", "tests.push_service", "--port", "0") as running:
        words = running.wait_for("push service at").replace("(", "").replace(")", "").split()
        yield PushServiceProcess(origin=words[3], websocket_url=words[5])


def deployment_for(push_service: PushServiceProcess, home: Path) -> Deployment:
    """Return what a server is started with that sends to *push_service* and keeps its data in *home*."""
    env = {
        "WHISPER_PUSH_ENDPOINTS": push_service.origin,
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_LIMIT_UPDATES": "1000/60s",  # pages of one person are opened all the time
        "WHISPER_LIMIT_NEW_ADDRESSES": "1000/3600s",  # everybody is at the same IP address here
        "WHISPER_LIMIT_DIAL": "1000/3600s",  # and the same two call each other all the time
        "WHISPER_LIMIT_CALLS": "1000/3600s",
        "WHISPER_LIMIT_CLIENT_CALLS": "1000/3600s",
    }
    return Deployment(0, env, home)


@contextmanager
def deployed(push_service: PushServiceProcess) -> Iterator[tuple[Program, Deployment]]:
    """Run a server on the embedded Postgres, which sends to *push_service*, until the block ends."""
    with (
        tempfile.TemporaryDirectory(prefix="e2e") as home,
        serving(deployment_for(push_service, Path(home))) as running,
    ):
        yield running
