"""Call screen: its controls, and its layout in a small, an enlarged and a colourless window."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.drivers.accessibility_checks import TOO_WIDE, all_of
from tests.browser.users.chromium_user import ChromiumUser, at_chromium
from tests.deployment import Deployment, PushServiceProcess
from tests.people import Person

# A browser tells no script which media keys it hears: these are written down as the page names them.
_NOTE_KEYS = """
    window.mediaKeys = {};
    const listen = MediaSession.prototype.setActionHandler;
    MediaSession.prototype.setActionHandler = function (action, handler) {
        listen.call(this, action, handler);
        window.mediaKeys[action] = handler;
    };
"""
_IS_PRESSED = "return document.querySelector(arguments[0]).getAttribute('aria-pressed')"
_SEES = "return document.querySelector('.stage[data-remote=video] .remote')?.videoWidth > 0"
_OWN_TRACK = "const [track] = document.querySelector('video.self-view').srcObject.getVideoTracks();"
_HEIGHT = "return document.querySelector(arguments[0]).getBoundingClientRect().height"
_COLOURS = "return getComputedStyle(document.querySelector(arguments[0])).backgroundColor"
_NO_CAMERA = "--use-fake-device-for-media-stream=device-count=0"


@pytest.fixture(scope="module")
def anna(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[ChromiumUser]:
    """Return somebody whose media keys are noted."""
    with at_chromium(deployment, push_process) as person:
        person.browser.prepare("nothing", lambda: None, _NOTE_KEYS)
        person.page.reload()
        person.page.see("#my-address")
        yield person


@pytest.fixture(scope="module")
def _connected(anna: ChromiumUser, ben: ChromiumUser) -> None:
    anna.rings(ben.address)
    ben.accepts()
    anna.talks()
    ben.writes("Shall we meet at the lake?")


@pytest.fixture(name="call")
def _call(anna: ChromiumUser, ben: ChromiumUser, _connected: None) -> ChromiumUser:
    """Let *anna* be in a call with *ben*, who sees her."""
    anna.page.resize(1280, 800)
    if not anna.page.evaluate("return document.querySelector('#camera').checkVisibility()"):
        anna.page.click("#start-video")
    elif anna.page.evaluate(_IS_PRESSED, "#camera") == "false":
        anna.page.click("#camera")
    ben.page.wait_until(_SEES)
    return anna


def test_the_time_runs_on_both_sides(call: ChromiumUser, ben: ChromiumUser) -> None:
    """Also while only one of them shares something."""
    for person in (call, ben):
        person.page.see("#duration", "0:")


def test_a_film_that_the_browser_can_not_play_is_a_file(
    call: ChromiumUser, ben: ChromiumUser, tmp_path: Path
) -> None:
    """It can be saved, and no broken player stands in the chat."""
    (tmp_path / "film.mp4").write_bytes(b"of a format that nobody knows")
    call.sends(tmp_path / "film.mp4")
    ben.page.click("[data-accept-file]")
    ben.page.see("[data-save-file]")

    ben.page.wait_until("return !document.querySelector('.preview')")


def test_a_screen_is_shared_in_the_place_of_the_camera(call: ChromiumUser, ben: ChromiumUser) -> None:
    """It is not mirrored; and the bar of the browser ends it as the button does."""
    for end in ("document.getElementById('screen').click()", "track.dispatchEvent(new Event('ended'))"):
        call.page.click("#screen")
        call.page.wait_until("return document.getElementById('screen').ariaPressed === 'true'")
        call.page.wait_until("return !document.querySelector('video.self-view').dataset.mirrored")
        ben.page.wait_until(_SEES)

        call.page.evaluate(
            f"const [track] = document.querySelector('video.self-view').srcObject.getVideoTracks(); {end}"
        )

        call.page.wait_until("return document.getElementById('screen').ariaPressed === 'false'")
        ben.page.wait_until("return !document.querySelector('.stage[data-remote=video]')")


def test_another_camera_is_taken_in_the_call(call: ChromiumUser, ben: ChromiumUser) -> None:
    """The other goes on seeing; and the choice is kept for the next call."""
    before = call.page.evaluate(f"{_OWN_TRACK} return track.label")
    call.page.click("#open-devices")
    call.page.see("#devices-dialog[open]")
    other = call.page.evaluate("return document.querySelector('#choose-camera option:last-child').value")
    call.page.choose_option("#choose-camera", other)
    call.page.click("#devices-dialog [type=submit]")

    call.page.wait_until(f"{_OWN_TRACK} return track?.label && track.label !== arguments[0]", before)
    ben.page.wait_until(_SEES)
    assert call.page.evaluate("return localStorage.getItem('whisper.camera')") == other


def test_a_camera_that_is_gone_is_replaced(call: ChromiumUser, ben: ChromiumUser) -> None:
    """Who has unplugged the one that they chose is seen by another."""
    call.page.evaluate("localStorage.setItem('whisper.camera', 'unplugged')")
    call.page.click("#camera")
    ben.page.wait_until("return !document.querySelector('.stage[data-remote=video]')")

    call.page.click("#camera")

    ben.page.wait_until(_SEES)


def test_the_picture_of_the_other_leaves_the_page(call: ChromiumUser, ben: ChromiumUser) -> None:
    """Where the browser can, which then keeps it over other windows."""
    ben.page.click("#camera")
    call.page.wait_until(_SEES)

    call.page.click("#small-picture")

    call.page.wait_until("return document.pictureInPictureElement?.className === 'remote'")
    call.page.evaluate("return document.exitPictureInPicture().then(() => 0)")


def test_a_media_key_is_as_good_as_its_button(call: ChromiumUser) -> None:
    """Each of the keys that headsets, keyboards and systems have."""
    keys = {"togglemicrophone": "#microphone", "togglecamera": "#camera"}
    for key, button in keys.items():
        before = call.page.evaluate(_IS_PRESSED, button)

        call.page.evaluate("window.mediaKeys[arguments[0]]()", key)

        call.page.wait_until(f"return (() => {{ {_IS_PRESSED} }})() !== arguments[1]", button, before)
    assert "hangup" in call.page.evaluate("return Object.keys(window.mediaKeys)")


@pytest.mark.parametrize(
    ("width", "height"), [(844, 390), (640, 400), (320, 256)], ids=["lying", "200%", "400%"]
)
def test_a_call_fits_where_there_is_little_room(call: ChromiumUser, width: int, height: int) -> None:
    """Each control is in sight, chat too when it is asked for, and nothing is too wide."""
    page = call.page
    page.resize(width, height)
    if page.evaluate(_IS_PRESSED, "#toggle-chat") == "true":
        page.click("#toggle-chat")
    room = page.evaluate(_HEIGHT, "#stages")
    page.click("#toggle-chat")
    page.see("#message")

    assert all_of(page, TOO_WIDE) == []
    assert all_of(page, _OUT_OF_SIGHT) == []
    assert room > height / 4
    assert page.evaluate(_HEIGHT, ".log") > 40
    page.click("#toggle-chat")


_OUT_OF_SIGHT = """
    const isIn = ({ top, bottom }) => top >= 0 && bottom <= innerHeight;
    return [...document.querySelectorAll('.call-controls button, #message, #back')]
        .filter(each => each.checkVisibility() && !isIn(each.getBoundingClientRect())).map(({ id }) => id);
"""


def test_what_is_pressed_is_seen_in_few_colours(call: ChromiumUser) -> None:
    """A system with colours of its own takes all others away."""
    call.page.prefer(forced_colors="active")

    pressed, other = (call.page.evaluate(_COLOURS, css) for css in ("#camera", "#open-devices"))

    call.page.prefer(forced_colors="none")
    assert pressed != other


def test_who_wants_no_motion_sees_none(call: ChromiumUser) -> None:
    """Nothing moves: not the sign of a call that goes on, either."""
    call.finds(Person().address.text)
    call.page.see("#live-bar")
    call.page.prefer(reduced_motion="no-preference")
    call.page.wait_until("return document.getAnimations().length > 0")

    call.page.prefer(reduced_motion="reduce")

    call.page.wait_until("return document.getAnimations().length === 0")


def test_people_and_messages_are_found(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """By a part of either, whatever its case."""
    for _ in range(7):
        anna.finds(Person().address.text)
    anna.page.type("#search", "AT THE LAKE")

    anna.page.wait_until("return document.querySelectorAll('.person').length === 1")
    anna.page.see(f'.person[data-address="{ben.address}"]')
    anna.page.type("#search", ben.address[:5].swapcase())
    anna.page.see(f'.person[data-address="{ben.address}"]')
    anna.page.type("#search", "no such word")
    anna.page.wait_until("return !document.querySelector('.person')")


def test_a_video_call_needs_no_camera(
    ben: ChromiumUser, deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """Neither to accept one nor to make one: both hear each other, and who is not seen is told why."""
    with at_chromium(deployment, push_process, _NO_CAMERA) as dora:
        ben.finds(dora.address)
        ben.page.click("#call-video")
        dora.accepts()

        ben.page.see("#stage-area", "hear each other")
        dora.page.wait_until(_SEES)
        dora.page.see("#alerts", "camera")
        dora.page.click("#end-call")
        dora.page.click("#call-video")
        ben.page.see("#incoming-more", "is calling you by voice")
        ben.accepts()

        dora.page.see("#stage-area", "hear each other")
        dora.page.see("#alerts", "It is a voice call now")
