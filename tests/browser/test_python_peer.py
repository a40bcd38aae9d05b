"""A browser and a program in Python call each other: two implementations of one protocol."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.browser.firefox import Firefox
from tests.browser.people import Someone
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import Program, program


@contextmanager
def terminal(deployment: Deployment, push_process: PushServiceProcess, *arguments: str) -> Iterator[Program]:
    """Run a peer in a terminal."""
    options = ("--server", deployment.url, "--push-service", push_process.websocket_url)
    with program(sys.executable, "-m", "whisper_peer", *arguments, *options) as running:
        yield running


@pytest.fixture
def ben(firefox: Firefox, deployment: Deployment) -> Someone:
    """Return somebody with a browser."""
    return Someone.new(firefox.open(deployment.url))


def test_a_browser_calls_a_program(
    ben: Someone, deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """Three pushes, messages both ways, and a hang-up that the program hears."""
    with terminal(deployment, push_process, "listen") as listening:
        address = listening.wait_for("your address").rpartition(" ")[2]
        push_process.clear()

        ben.rings(address)
        ben.talks()
        ben.writes("hello from a browser")
        heard = listening.wait_for("hello from a browser")
        listening.type("grüß dich 👋")
        ben.reads("grüß dich 👋")
        taken = push_process.taken
        ben.hangs_up()
        closed = listening.wait_for("closed")

    assert (taken, heard[8:], closed) == (3, "hello from a browser", "closed")


def test_a_program_calls_a_browser(
    ben: Someone, deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """The page rings and Ben accepts; what the program says last arrives before it hangs up."""
    address = ben.address
    push_process.clear()

    with terminal(deployment, push_process, "dial", address) as dialling:
        ben.accepts()
        ben.talks()
        taken = push_process.taken
        dialling.type("the last word")
        dialling.end_input()
        status = dialling.ended()

    ben.reads("the last word")
    ben.page.see("[data-kind=note]", "hung up")
    assert (taken, status) == (3, 0)
