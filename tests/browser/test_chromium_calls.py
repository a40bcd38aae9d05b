"""Two people, two Chromiums, the app that the server serves; bridge.py tells what stands in for Google."""

from collections.abc import Iterator

import pytest

from tests.browser.page import wait_until
from tests.browser.residents import Resident, at_chromium
from tests.deployment import Deployment, PushServiceProcess


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
def _at_home(anna: Resident, ben: Resident, push_process: PushServiceProcess) -> None:
    """Begin each test with fresh pages, and without a connection."""
    for person in (anna, ben):
        person.leaves()
        person.looks()
    push_process.clear()


def connect(anna: Resident, ben: Resident) -> None:
    """Let *anna* ring *ben*, who accepts."""
    anna.rings(ben.address)
    ben.accepts()
    anna.talks()
    ben.talks()


def test_three_pushes_make_a_connection(
    anna: Resident, ben: Resident, push_process: PushServiceProcess
) -> None:
    """By the count of the push service, and as both pages say it."""
    connect(anna, ben)

    for person in (anna, ben):
        person.page.see("#route", "Direct · 3 pushes · ")

    assert push_process.taken == 3


def test_messages_go_both_ways(anna: Resident, ben: Resident) -> None:
    """As they were written, and marked when they have arrived; and nothing went wrong in either browser."""
    connect(anna, ben)

    anna.writes("hello <b>Ben</b>")
    ben.reads("hello <b>Ben</b>")
    ben.writes("grüß dich 👋")
    anna.reads("grüß dich 👋")

    anna.page.see("[data-delivered]", "hello <b>Ben</b>")
    ben.page.see("[data-delivered]", "grüß dich 👋")
    assert (anna.browser.errors, ben.browser.errors) == ([], [])


def test_they_see_each_other(anna: Resident, ben: Resident, push_process: PushServiceProcess) -> None:
    """The picture moves, and took no other push."""
    connect(anna, ben)

    anna.page.click("#camera")

    playing = """
        const video = document.querySelector('video.remote');
        return video?.videoWidth > 0 && video.currentTime > 0;
    """
    ben.page.wait_until(playing)
    assert push_process.taken == 3


def test_a_call_that_was_accepted_is_no_longer_announced(anna: Resident, ben: Resident) -> None:
    """Ben sees the notification, comes back to his page and accepts there."""
    address = ben.address
    ben.looks_away()
    anna.rings(address)
    ben.page.see("#accept")
    assert len(wait_until(lambda: ben.notifications)) == 1

    ben.accepts()
    ben.talks()

    wait_until(lambda: not ben.notifications)
