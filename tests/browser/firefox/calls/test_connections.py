"""Connection of two users of the app, in two Firefoxes: what they can do as long as it lasts."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.browser.drivers.page import wait_until
from tests.browser.users.firefox_user import FirefoxUser
from tests.browser.users.user import connect
from tests.deployment import PushServiceProcess

_SEES = "return document.querySelector('.stage[data-remote=video] .remote')?.videoWidth > 0"
_SHOWS = """
    const tracks = document.querySelector('video.self-view').srcObject.getVideoTracks();
    return tracks.some(({ readyState }) => readyState === 'live');
"""


@pytest.fixture(autouse=True)
def _connected(anna: FirefoxUser, ben: FirefoxUser, request: pytest.FixtureRequest) -> None:
    """Begin with a connection, that of the test before while it lasts."""
    if not (anna.is_connected and ben.is_connected):
        request.getfixturevalue("fresh_pages")
        connect(anna, ben)


@pytest.fixture
def seen(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """Begin with a picture of Anna's camera at Ben's."""
    if not ben.page.evaluate(_SEES):
        anna.page.click("#start-video")
        ben.page.wait_until(_SEES)


def test_messages_are_marked_when_they_have_arrived(anna: FirefoxUser) -> None:
    """By the other's word, not by hope."""
    anna.writes("are you there?")

    anna.page.see("[data-delivered]", "are you there?")


def test_a_file_arrives_intact(anna: FirefoxUser, ben: FirefoxUser, tmp_path: Path) -> None:
    """Five megabytes, byte for byte, once the other has said yes."""
    content = os.urandom(5_000_000)
    (tmp_path / "holiday.bin").write_bytes(content)

    anna.sends(tmp_path / "holiday.bin")
    ben.page.see(".theirs", "holiday.bin")
    ben.page.click("[data-accept-file]")
    ben.page.click("[data-save-file]")

    saved = ben.browser.downloads / "holiday.bin"
    wait_until(lambda: saved.exists() and saved.stat().st_size == len(content))
    assert hashlib.sha256(saved.read_bytes()).digest() == hashlib.sha256(content).digest()


def test_a_reload_in_the_middle_ends_nothing(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """The page dials again by itself, and the other need not accept again."""
    ben.page.reload()
    ben.talks()

    anna.writes("still there?")
    ben.reads("still there?")


def test_a_lost_network_is_found_again(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """Ben's machine sleeps; when it wakes, what Anna wrote meanwhile arrives."""
    with ben.browser.asleep():
        anna.page.see("#chat", "Reconnecting", seconds=30)
        anna.writes("sleep well")

    ben.reads("sleep well")
    anna.page.see("[data-delivered]", "sleep well", seconds=30)


def test_hanging_up_ends_it_for_both(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """And says who did."""
    anna.hangs_up()

    ben.page.see("[data-kind=note]:last-child", "hung up")
    anna.page.see("[data-kind=note]:last-child", "You hung up")
    ben.does_not_talk()


def test_they_see_and_hear_each_other(
    anna: FirefoxUser, ben: FirefoxUser, push_process: PushServiceProcess
) -> None:
    """Audio and video come over the same connection, without another push."""
    push_process.clear()

    anna.page.click("#start-video")

    playing = """
        const video = document.querySelector('video.remote');
        return video?.srcObject?.getTracks().length === 2 && video.videoWidth > 0;
    """
    ben.page.wait_until(playing)
    assert push_process.taken == 0


@pytest.mark.usefixtures("seen")
def test_who_fails_to_share_a_screen_is_still_seen(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """The camera ends when there is a screen in its place, and not before; here there is no screen."""
    anna.page.click("#screen")

    anna.page.see("#alerts", "nothing that can be shared")
    anna.page.see("video.self-view")
    assert anna.page.evaluate(_SHOWS)
    ben.page.wait_until(_SEES)


@pytest.mark.usefixtures("seen")
def test_what_is_no_longer_shared_is_no_longer_seen(anna: FirefoxUser, ben: FirefoxUser) -> None:
    """The picture goes when the camera is off."""
    anna.page.click("#camera")

    ben.page.wait_until(
        "return !document.querySelector('video.remote')?.checkVisibility({ opacityProperty: true })"
    )
