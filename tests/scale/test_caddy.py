"""deploy/Caddyfile in front of a server: client addresses, /metrics, and a restart of the server."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy.engine import URL

from app.push.vapid import VapidKey
from tests.people import Person, body
from tests.processes import WHISPER, Program, program
from tests.scale.certificate import write_certificate
from tests.scale.programs import caddy, caddyfile, free_port

FORGERIES = 3  # that one client may send


@dataclass
class Site:
    """A server behind Caddy."""

    url: str
    port: int
    env: dict[str, str]
    server: Program
    trust: ssl.SSLContext

    def client(self, address: str) -> httpx.Client:
        """Return a client that connects from *address*."""
        transport = httpx.HTTPTransport(verify=self.trust, local_address=address)
        return httpx.Client(base_url=self.url, transport=transport, timeout=20)


@pytest.fixture
def site(migrated: URL, tmp_path: Path) -> Iterator[Site]:
    """Run both."""
    port, https = free_port(), free_port()
    env = {
        "WHISPER_DATABASE_URL": migrated.render_as_string(hide_password=False),
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@whisper.example",
        "WHISPER_PORT": str(port),
        "WHISPER_TRUSTED_PROXIES": "127.0.0.1",
        "WHISPER_LIMIT_REFUSED_SIGNATURES": f"{FORGERIES}/600s",
    }
    with ExitStack() as running:
        server = running.enter_context(program(WHISPER, "serve", env=env, cwd=tmp_path))
        server.wait_for("Open http")
        trust = write_certificate(tmp_path / "tls")
        conf = caddyfile(tmp_path / "caddy", https, port, tmp_path / "tls")
        running.enter_context(caddy(tmp_path / "caddy", conf))
        yield Site(f"https://localhost:{https}", port, env, server, trust)


def test_each_client_has_limits_of_its_own(site: Site) -> None:
    """By the address that Caddy sees; an X-Forwarded-For of the client changes nothing."""
    forged = body(Person().to("dial", Person()) | {"c": Person().sign(b"anything")})

    def forge(client: httpx.Client, number: int) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        return client.post("/dial", content=forged, headers=headers).status_code

    with site.client("127.0.0.5") as here, site.client("127.0.0.6") as elsewhere:
        statuses = [forge(here, number) for number in range(FORGERIES + 2)]
        other = forge(elsewhere, 1)

    assert statuses == [401] * FORGERIES + [429] * 2
    assert other == 401


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/./metrics", "/%6detrics", "/metrics?x"])
def test_metrics_are_not_public(site: Site, path: str) -> None:
    """However the path is spelled, the answer is a refusal of the protocol."""
    with site.client("127.0.0.5") as client:
        answer = client.get(f"{site.url}{path}")

    assert answer.status_code == 404
    assert json.loads(answer.content)["code"] == "not_found"


def test_a_restart_of_the_server_loses_no_call(site: Site, tmp_path: Path) -> None:
    """Caddy waits for a server that refuses connections for a few seconds."""
    site.server.stop()
    with site.client("127.0.0.5") as client, ExitStack() as running:
        answers: list[int] = []
        waiting = threading.Thread(target=lambda: answers.append(client.get("/readyz").status_code))
        waiting.start()
        again = running.enter_context(program(WHISPER, "serve", env=site.env, cwd=tmp_path))
        again.wait_for("Open http")
        waiting.join()

    assert answers == [200]
