"""Calls between a browser and a program in Python: two implementations of one protocol."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.drivers.page import wait_until
from tests.browser.users.chromium_user import at_chromium
from tests.browser.users.firefox_user import FirefoxUser
from tests.browser.users.user import User
from tests.deployment import Deployment, PushServiceProcess
from tests.peer.sound_files import A_SECOND, is_heard, tone
from tests.processes import Program, program

# Whether the page hears more than silence of the other.
_HEARS = """
    const { srcObject } = document.querySelector('video.remote');
    if (!srcObject?.getAudioTracks().length) return false;
    if (!window.analyser) {
        const context = new AudioContext();
        window.analyser = context.createAnalyser();
        context.createMediaStreamSource(srcObject).connect(window.analyser);
    }
    const samples = new Uint8Array(window.analyser.fftSize);
    window.analyser.getByteTimeDomainData(samples);
    return Math.max(...samples) > 140;
"""


@contextmanager
def terminal(deployment: Deployment, push_process: PushServiceProcess, *arguments: str) -> Iterator[Program]:
    """Run a peer in a terminal."""
    options = ("--server", deployment.url, "--push-service", push_process.websocket_url)
    with program(sys.executable, "-m", "whisper_peer", *arguments, *options) as running:
        yield running


@pytest.fixture
def fresh_page(ben: FirefoxUser) -> None:
    """Begin with a fresh page of Ben's."""
    ben.leaves()
    ben.looks()


@pytest.mark.usefixtures("fresh_page")
def test_a_browser_calls_a_program(
    ben: User, deployment: Deployment, push_process: PushServiceProcess
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


@pytest.mark.usefixtures("fresh_page")
def test_a_program_calls_a_browser(
    ben: User, deployment: Deployment, push_process: PushServiceProcess
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


@pytest.mark.usefixtures("fresh_page")
def test_a_browser_sends_a_program_a_file(
    ben: User, deployment: Deployment, push_process: PushServiceProcess, tmp_path: Path
) -> None:
    """More than one frame of it, byte for byte."""
    sent, folder = tmp_path / "photo.bin", tmp_path / "saved"
    sent.write_bytes(os.urandom(150_000))
    folder.mkdir()

    with terminal(deployment, push_process, "listen", "--save", str(folder)) as listening:
        ben.rings(listening.wait_for("your address").rpartition(" ")[2])
        ben.talks()
        ben.sends(sent)
        listening.wait_for("saved")

    assert (folder / sent.name).read_bytes() == sent.read_bytes()


@pytest.mark.usefixtures("fresh_page")
def test_a_program_sends_a_browser_a_file(
    ben: User, deployment: Deployment, push_process: PushServiceProcess, tmp_path: Path
) -> None:
    """The program ends when the browser has all of it."""
    sent = tmp_path / "report.bin"
    sent.write_bytes(os.urandom(150_000))

    with terminal(deployment, push_process, "send", ben.address, str(sent)) as sending:
        ben.accepts()
        ben.page.click("[data-accept-file]")
        status = sending.ended()

    assert (status, "report.bin" in ben.page.text("[data-kind=file]")) == (0, True)


def test_a_browser_and_a_program_hear_each_other(
    deployment: Deployment, push_process: PushServiceProcess, tmp_path: Path
) -> None:
    """The program plays a file and records the microphone; no other push is needed for it."""
    record = tmp_path / "record.wav"
    files = ("--play", str(tone(tmp_path / "tone.wav", seconds=20)), "--record", str(record))
    with (
        at_chromium(deployment, push_process) as anna,
        terminal(deployment, push_process, "listen", *files) as listening,
    ):
        address = listening.wait_for("your address").rpartition(" ")[2]
        push_process.clear()
        anna.finds(address)
        anna.page.click("#call-voice")
        anna.page.see("#stage-area", "hear each other")
        anna.page.wait_until(_HEARS)
        wait_until(lambda: record.exists() and record.stat().st_size > A_SECOND)
        taken = push_process.taken
        anna.page.click("#end-call")
        listening.wait_for("recorded")
        errors = anna.browser.errors

    assert (taken, is_heard(record), errors) == (3, True, [])
