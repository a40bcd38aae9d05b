"""A browser and a program in Python call each other: two implementations of one protocol."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.conftest import FIREFOX
from tests.browser.firefox import Firefox, firefox
from tests.browser.page import wait_until
from tests.browser.people import Someone
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import Program, installed, program


@contextmanager
def terminal(deployment: Deployment, push_process: PushServiceProcess, *arguments: str) -> Iterator[Program]:
    """Run a peer in a terminal."""
    options = ("--server", deployment.url, "--push-service", push_process.websocket_url)
    with program(sys.executable, "-m", "whisper_peer", *arguments, *options) as running:
        yield running


@pytest.fixture(scope="module")
def browser(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[Firefox]:
    """Run a browser of somebody who has turned calls on."""
    with firefox(installed(FIREFOX), push_process.websocket_url) as running:
        Someone.new(running.open(deployment.url))
        yield running


@pytest.fixture
def ben(browser: Firefox, deployment: Deployment) -> Someone:
    """Return them at a fresh page."""
    browser.close_tabs()
    page = browser.open(deployment.url)
    page.see("#my-address")
    return Someone(page)


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


def test_a_program_sends_a_file(
    ben: Someone, browser: Firefox, deployment: Deployment, push_process: PushServiceProcess, tmp_path: Path
) -> None:
    """It is offered, taken, and arrives as it was."""
    file = tmp_path / "report.bin"
    file.write_bytes(os.urandom(300_000))

    with terminal(deployment, push_process, "send", ben.address, str(file)) as sending:
        ben.accepts()
        ben.page.click("[data-accept-file]")
        ben.page.click("[data-save-file]")
        status = sending.ended()

    saved = browser.downloads / "report.bin"
    wait_until(lambda: saved.exists() and saved.stat().st_size == 300_000)
    assert (status, saved.read_bytes()) == (0, file.read_bytes())
