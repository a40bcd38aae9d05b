"""Everybody can use every view: on a phone and on a laptop, in light and in dark, by eye and by ear."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.looks import faults
from tests.browser.residents import Resident, at_chromium
from tests.deployment import Deployment, PushServiceProcess
from tests.people import Person


@pytest.fixture(scope="module")
def anna(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[Resident]:
    """Return somebody who has turned calls on."""
    with at_chromium(deployment, push_process) as person:
        yield person


@pytest.fixture(scope="module")
def ben(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[Resident]:
    """Return somebody else, at another Chromium."""
    with at_chromium(deployment, push_process) as person:
        yield person


@pytest.fixture(autouse=True)
def _alone(anna: Resident) -> None:
    """Begin each test with a fresh page."""
    anna.leaves()
    anna.looks()


def test_the_first_visit(anna: Resident) -> None:
    """To the browser, another name of this machine is another origin, where nobody has been."""
    page = anna.browser.open(anna.url.replace("localhost", "another.localhost"))
    page.see("#turn-on")

    assert faults(page, "first-visit") == []


def test_nobody_yet(anna: Resident) -> None:
    """The list of people, empty."""
    anna.page.see("#people-empty")

    assert faults(anna.page, "nobody-yet") == []


def test_settings(anna: Resident) -> None:
    """With everything unfolded."""
    anna.page.click("#open-settings")
    anna.page.evaluate(
        "for (const each of document.querySelectorAll('#settings-dialog details')) each.open = true"
    )

    assert faults(anna.page, "settings") == []


def test_a_fault_in_a_form(anna: Resident) -> None:
    """An address that is none."""
    anna.page.click("#add-person")
    anna.page.type("#address-field", "hello Ben!")
    anna.page.see("#address-fault", "This is not an address")

    assert faults(anna.page, "add-fault") == []


def test_a_notice(anna: Resident) -> None:
    """A failure that stays in sight."""
    anna.browser.go_offline(offline=True)
    anna.page.see("#alerts", "You are offline")

    found = faults(anna.page, "notice")

    anna.browser.go_offline(offline=False)
    assert found == []


def test_a_call_that_failed(anna: Resident) -> None:
    """To somebody whom nobody knows."""
    anna.rings(Person().address.text)
    anna.page.see("#talk-trouble")

    assert faults(anna.page, "call-failed") == []


def test_a_call_and_a_conversation(anna: Resident, ben: Resident, tmp_path: Path) -> None:
    """Ringing; then messages, short and long, a file, and what is no text; then a picture."""
    (tmp_path / "a-file-with-a-name-that-is-longer-than-a-phone-is-wide-and-then-some.pdf").write_text("%PDF")
    found: list[str] = []
    ben.rings(anna.address)
    anna.page.see("#accept")
    found += faults(anna.page, "incoming") + faults(ben.page, "ringing")
    anna.accepts()
    anna.talks()
    ben.talks()
    ben.writes("Shall we meet at the lake? The weather is supposed to hold until the evening. " * 3)
    ben.writes("https://example.org/" + "a" * 200)
    anna.writes("yes 👋")
    ben.sends(*tmp_path.iterdir())
    anna.page.see(".theirs", "then-some.pdf")
    found += faults(anna.page, "conversation")
    ben.page.click("#start-video")
    anna.page.wait_until("return document.querySelector('video.remote')?.videoWidth > 0")
    anna.page.click("#camera")
    anna.page.see("video.own")

    found += faults(anna.page, "picture")
    anna.page.click("#open-devices")
    found += faults(anna.page, "devices")

    assert found == []
