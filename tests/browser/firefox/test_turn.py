"""Call between two Firefoxes that reach each other only through a TURN server, Debian's coturn."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.browser.users.firefox_user import FirefoxUser, at_firefox
from tests.browser.users.user import connect
from tests.deployment import PushServiceProcess, deployment_for, serving
from tests.processes import installed, missing, program
from tests.scale.programs import free_port

SECRET = "shared"  # noqa: S105 - nobody's
# Addresses of their own are told to nobody: only those of the relays are.
RELAY_ONLY = {"media.peerconnection.ice.relay_only": True}
TURN = {
    "no-cli": "",
    "no-tls": "",
    "no-dtls": "",
    "no-udp": "",  # as in a network that blocks UDP
    "use-auth-secret": "",
    "static-auth-secret": SECRET,
    "realm": "whisper",
    "log-file": "stdout",
    "listening-ip": "127.0.0.1",
    "relay-ip": "127.0.0.1",
    "allow-loopback-peers": "",
}


@pytest.fixture
def people(push_process: PushServiceProcess) -> Iterator[list[FirefoxUser]]:
    """Return two people whose server names a TURN server."""
    port = free_port()
    with ExitStack() as open_:
        home = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="turn")))
        conf = TURN | {"listening-port": str(port), "pidfile": str(home / "pid")}
        lines = [f"{name}={value}" if value else name for name, value in conf.items()]
        (home / "turn.conf").write_text("\n".join(lines), encoding="utf-8")
        open_.enter_context(program(installed("turnserver"), "-c", str(home / "turn.conf")))
        deployment = deployment_for(push_process, home)
        turn = {
            "WHISPER_ICE_SERVERS": f"turn:127.0.0.1:{port}?transport=tcp",
            "WHISPER_TURN_SECRET": SECRET,
        }
        served = serving(replace(deployment, host="localhost", env=deployment.env | turn))
        _, running = open_.enter_context(served)
        yield [open_.enter_context(at_firefox(running, push_process, RELAY_ONLY)) for _ in range(2)]


@pytest.mark.skipif(bool(missing("turnserver")), reason="needs coturn")
def test_two_firefoxes_talk_through_a_relay(people: list[FirefoxUser]) -> None:
    """They reach it by TCP, and nothing else."""
    anna, ben = people

    connect(anna, ben)
    anna.writes("around the corner")

    ben.reads("around the corner")
    anna.page.wait_until("return document.getElementById('route').title.includes('elay')")
