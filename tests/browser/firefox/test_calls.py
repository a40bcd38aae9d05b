"""Calls between two users of the app, in two Firefoxes, by real pushes."""

import hashlib
import os
import time
from functools import partial
from pathlib import Path

import pytest

from tests.browser.drivers.page import wait_until
from tests.browser.users.firefox_user import FirefoxUser, at_firefox
from tests.browser.users.user import NewUser, connect
from tests.deployment import Deployment, PushServiceProcess

pytestmark = pytest.mark.usefixtures("fresh_pages")


@pytest.fixture(scope="module")
def new_user(deployment: Deployment, push_process: PushServiceProcess) -> NewUser:
    """Return what gives somebody new a Firefox."""
    return partial(at_firefox, deployment, push_process)


def test_two_people_talk(anna: FirefoxUser, ben: FirefoxUser, push_process: PushServiceProcess) -> None:
    """One click each, and exactly three pushes; and messages both ways."""
    push_process.clear()

    connect(anna, ben)
    anna.writes("hello <b>Ben</b>")
    ben.reads("hello <b>Ben</b>")
    ben.writes("grüß dich 👋")
    anna.reads("grüß dich 👋")

    assert push_process.taken == 3
    shown = anna.route
    assert shown.startswith("Direct · 3 pushes · ")
    assert float(shown.split()[5]) > 0
    assert (anna.browser.errors, ben.browser.errors) == ([], [])


def test_messages_are_marked_when_they_have_arrived(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """By the other's word, not by hope."""
    connect(anna, ben)

    anna.writes("are you there?")

    anna.page.see("[data-delivered]", "are you there?")


def test_a_file_arrives_intact(anna: FirefoxUser, ben: FirefoxUser, tmp_path: Path) -> None:
    """Five megabytes, byte for byte, once the other has said yes."""
    content = os.urandom(5_000_000)
    (tmp_path / "holiday.bin").write_bytes(content)
    connect(anna, ben)

    anna.sends(tmp_path / "holiday.bin")
    ben.page.see(".theirs", "holiday.bin")
    ben.page.click("[data-accept-file]")
    ben.page.click("[data-save-file]")

    saved = ben.browser.downloads / "holiday.bin"
    wait_until(lambda: saved.exists() and saved.stat().st_size == len(content))
    assert hashlib.sha256(saved.read_bytes()).digest() == hashlib.sha256(content).digest()


def test_hanging_up_ends_it_for_both(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """And says who did."""
    connect(anna, ben)

    anna.hangs_up()

    ben.page.see("[data-kind=note]", "hung up")
    anna.page.see("[data-kind=note]", "You hung up")
    ben.does_not_talk()


def test_a_closed_page_is_rung(anna: FirefoxUser, ben: FirefoxUser, deployment: Deployment) -> None:
    """The notification is there; a click opens the page and answers."""
    address = ben.address
    ben.leaves()

    anna.rings(address)
    ben.browser.click_notification(wait_until(lambda: ben.browser.notifications)[0].title)
    ben.comes_back_to(deployment.url)
    anna.talks()

    anna.writes("good morning")
    ben.reads("good morning")
    # Or the worker hangs up for the page that has gone, and that declines the next call, which has begun.
    ben.hangs_up()
    anna.does_not_talk()


def test_a_missed_call_can_be_dialled_back(
    anna: FirefoxUser, ben: FirefoxUser, deployment: Deployment
) -> None:
    """Anna gave up; Ben's click on what is left of it rings her."""
    address = ben.address
    ben.leaves()
    anna.rings(address)
    wait_until(lambda: ben.browser.notifications)

    anna.page.click("#cancel")
    missed = wait_until(lambda: [each for each in ben.browser.notifications if each.body == "Missed call"])
    ben.browser.click_notification(missed[0].title)
    ben.comes_back_to(deployment.url)
    anna.accepts()

    anna.talks()
    ben.talks()


def test_a_call_can_be_declined(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """And the caller is told so, in words."""
    anna.rings(ben.address)

    ben.page.click("#decline")

    anna.page.see("#chat-trouble", "declined")


def test_a_reload_in_the_middle_ends_nothing(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """The page dials again by itself, and the other need not accept again."""
    connect(anna, ben)

    ben.page.reload()
    ben.talks()

    anna.writes("still there?")
    ben.reads("still there?")


def test_a_reload_while_it_rings_keeps_it_ringing(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """What came is kept until somebody has dealt with it."""
    anna.rings(ben.address)
    ben.page.see("#accept")

    ben.page.reload()
    ben.accepts()

    anna.talks()
    ben.talks()


def test_both_may_ring_at_once(anna: FirefoxUser, ben: FirefoxUser) -> None:
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
    anna: FirefoxUser, ben: FirefoxUser, push_process: PushServiceProcess
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


def test_what_is_no_longer_shared_is_no_longer_seen(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """The picture goes when the camera is off."""
    connect(anna, ben)
    anna.page.click("#start-video")
    ben.page.see("video.remote")

    anna.page.click("#camera")

    ben.page.wait_until(
        "return !document.querySelector('video.remote')?.checkVisibility({ opacityProperty: true })"
    )


def test_a_lost_network_is_found_again(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """Ben's machine sleeps; when it wakes, what Anna wrote meanwhile arrives."""
    connect(anna, ben)

    with ben.browser.asleep():
        anna.page.see("#chat", "Reconnecting", seconds=30)
        anna.writes("sleep well")

    ben.reads("sleep well")
    anna.page.see("[data-delivered]", "sleep well", seconds=30)
