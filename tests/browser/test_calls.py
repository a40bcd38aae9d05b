"""Two people, two Firefoxes, the app that the server serves, and real pushes."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.firefox import Firefox, firefox
from tests.browser.page import wait_until
from tests.browser.people import Resident, Someone
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed


def _resident(firefox: Firefox, url: str) -> Resident:
    page = firefox.open(url)
    Someone.new(page)
    return Resident(firefox, page)


@pytest.fixture(scope="module")
def anna(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[Resident]:
    """Return somebody who has turned calls on."""
    with firefox(installed("firefox-esr"), push_process.websocket_url) as running:
        yield _resident(running, deployment.url)


@pytest.fixture(scope="module")
def ben(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[Resident]:
    """Return somebody else, at another Firefox."""
    with firefox(installed("firefox-esr"), push_process.websocket_url) as running:
        yield _resident(running, deployment.url)


@pytest.fixture(autouse=True)
def _at_home(anna: Resident, ben: Resident, deployment: Deployment) -> None:
    """Begin each test with a fresh page, and without a connection."""
    for person in (anna, ben):
        person.leaves()
        person.page = person.firefox.open(deployment.url)
        person.page.see("#my-address")


def connect(anna: Someone, ben: Someone) -> None:
    """Let *anna* ring *ben*, who accepts."""
    anna.rings(ben.address)
    ben.accepts()
    anna.talks()
    ben.talks()


def test_two_people_talk(anna: Resident, ben: Resident, push_process: PushServiceProcess) -> None:
    """One click each, exactly three pushes, in less than two seconds; and messages both ways."""
    push_process.clear()

    connect(anna, ben)
    anna.writes("hello <b>Ben</b>")
    ben.reads("hello <b>Ben</b>")
    ben.writes("grüß dich 👋")
    anna.reads("grüß dich 👋")

    assert push_process.taken == 3
    shown = anna.route
    assert shown.startswith("Direct · 3 pushes · ")
    assert float(shown.split()[5]) < 2
    assert (anna.firefox.errors, ben.firefox.errors) == ([], [])


def test_messages_are_marked_when_they_have_arrived(anna: Resident, ben: Resident) -> None:
    """By the other's word, not by hope."""
    connect(anna, ben)

    anna.writes("are you there?")

    anna.page.see("[data-delivered]", "are you there?")


def test_a_file_arrives_intact(anna: Resident, ben: Resident, tmp_path: Path) -> None:
    """Five megabytes, byte for byte, once the other has said yes."""
    content = os.urandom(5_000_000)
    (tmp_path / "holiday.bin").write_bytes(content)
    connect(anna, ben)

    anna.sends(tmp_path / "holiday.bin")
    ben.page.see(".theirs", "holiday.bin")
    ben.page.click("[data-accept-file]")
    ben.page.click("[data-save-file]")

    saved = ben.firefox.downloads / "holiday.bin"
    wait_until(lambda: saved.exists() and saved.stat().st_size == len(content))
    assert hashlib.sha256(saved.read_bytes()).digest() == hashlib.sha256(content).digest()


def test_hanging_up_ends_it_for_both(anna: Resident, ben: Resident) -> None:
    """And says who did."""
    connect(anna, ben)

    anna.hangs_up()

    ben.page.see("[data-kind=note]", "hung up")
    anna.page.see("[data-kind=note]", "You hung up")
    ben.does_not_talk()


def test_a_closed_page_is_rung(anna: Resident, ben: Resident, deployment: Deployment) -> None:
    """The notification is there; a click opens the page and answers."""
    address = ben.address
    ben.leaves()

    anna.rings(address)
    ben.firefox.click_notification(wait_until(lambda: ben.firefox.notifications)[0].title)
    ben.comes_back_to(deployment.url)
    anna.talks()

    anna.writes("good morning")
    ben.reads("good morning")


def test_a_missed_call_can_be_dialled_back(anna: Resident, ben: Resident, deployment: Deployment) -> None:
    """Anna gave up; Ben's click on what is left of it rings her."""
    address = ben.address
    ben.leaves()
    anna.rings(address)
    wait_until(lambda: ben.firefox.notifications)

    anna.page.click("#cancel")
    missed = wait_until(lambda: [each for each in ben.firefox.notifications if each.body == "Missed call"])
    ben.firefox.click_notification(missed[0].title)
    ben.comes_back_to(deployment.url)
    anna.accepts()

    anna.talks()
    ben.talks()


def test_a_call_can_be_declined(anna: Resident, ben: Resident) -> None:
    """And the caller is told so, in words."""
    anna.rings(ben.address)

    ben.page.click("#decline")

    anna.page.see("#talk-trouble", "declined")


def test_a_reload_in_the_middle_ends_nothing(anna: Resident, ben: Resident) -> None:
    """The page dials again by itself, and the other need not accept again."""
    connect(anna, ben)

    ben.page.reload()
    ben.talks()

    anna.writes("still there?")
    ben.reads("still there?")


def test_a_reload_while_it_rings_keeps_it_ringing(anna: Resident, ben: Resident) -> None:
    """What came is kept until somebody has dealt with it."""
    anna.rings(ben.address)
    ben.page.see("#accept")

    ben.page.reload()
    ben.accepts()

    anna.talks()
    ben.talks()


def test_both_may_ring_at_once(anna: Resident, ben: Resident) -> None:
    """They get one connection, and nobody is asked."""
    addresses = anna.address, ben.address
    anna.finds(addresses[1])
    ben.finds(addresses[0])

    at = time.time() * 1000 + 500
    click = "setTimeout(() => document.getElementById('ring').click(), arguments[0] - Date.now())"
    for person in (anna, ben):
        person.page.evaluate(click, at)
    anna.talks()
    ben.talks()

    anna.writes("me too")
    ben.reads("me too")


def test_they_see_and_hear_each_other(
    anna: Resident, ben: Resident, push_process: PushServiceProcess
) -> None:
    """Audio and video come over the same connection, without another push."""
    connect(anna, ben)
    push_process.clear()

    anna.page.click("#start-video")

    playing = """
        const video = document.querySelector('video.remote');
        return video?.srcObject?.getTracks().length === 2 && video.videoWidth > 0;
    """
    ben.page.wait_until(playing)
    assert push_process.taken == 0


def test_what_is_no_longer_shared_is_no_longer_seen(anna: Resident, ben: Resident) -> None:
    """The picture goes when the camera is off."""
    connect(anna, ben)
    anna.page.click("#start-video")
    ben.page.see("video.remote")

    anna.page.click("#camera")

    ben.page.wait_until(
        "return !document.querySelector('video.remote')?.checkVisibility({ opacityProperty: true })"
    )


def test_a_lost_network_is_found_again(anna: Resident, ben: Resident) -> None:
    """Ben's machine sleeps; when it wakes, what Anna wrote meanwhile arrives."""
    connect(anna, ben)

    with ben.firefox.asleep():
        anna.page.see("#talk", "Reconnecting", seconds=30)
        anna.writes("sleep well")

    ben.reads("sleep well")
    anna.page.see("[data-delivered]", "sleep well", seconds=30)
