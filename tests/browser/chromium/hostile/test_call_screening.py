"""Call screening: blocked people, "do not disturb", the permission to notify, QR codes of links.

DevTools hand pushes in, so nobody else needs a browser.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
import zxingcpp

from tests.browser.drivers.page import wait_until
from tests.browser.users.chromium_user import ChromiumUser
from tests.browser.users.push_messages import CONNECTING, RINGING, call_of, missed, push_of
from tests.people import Person

pytestmark = pytest.mark.usefixtures("quiet_page")

NEUTRAL = "Whisper: "
_SCREEN = """
    const { %s } = await import('/js/call-screening.js');
    const { Store } = await import('/js/store.js');
    await Store.use((store) => %s);
    new BroadcastChannel('whisper-screening').postMessage(null);
"""
_BLOCK = _SCREEN % ("block", "block(store, arguments[0])")
_SET_QUIET = _SCREEN % ("setQuiet", "setQuiet(store, arguments[0])")
_MISSED = (
    "return [...document.querySelectorAll('.person[data-missed]')].map(({ dataset }) => dataset.address)"
)
LATER_MS = 10**15

# A reader of QR codes, which Chromium has not on every system: it sees one text, and then *arguments[0]*.
_GIVE_DETECTOR = """
    const texts = ['no link', arguments[0]];
    window.cameras = [];
    const { getUserMedia } = MediaDevices.prototype;
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await getUserMedia.call(navigator.mediaDevices, wanted);
        cameras.push(...stream.getTracks());
        return stream;
    };
    window.BarcodeDetector = class {
        static getSupportedFormats = async () => ['qr_code'];
        detect = async () => (texts.length ? [{ rawValue: texts.shift() }] : []);
    };
"""
_CAMERAS = "return cameras.map(({ readyState }) => readyState)"


@pytest.fixture
def caller(ben: ChromiumUser) -> Iterator[Person]:
    """Return somebody who has never called before; calls ring again after the test."""
    yield Person()
    ben.looks()
    ben.page.evaluate(_SET_QUIET, 0)


def test_who_is_blocked_rings_nowhere(ben: ChromiumUser, caller: Person, address: str) -> None:
    """In no page and by no notification, also when they hang up."""
    ben.page.evaluate(_BLOCK, caller.address.text)

    for method in ("dial", "close", "dial"):
        ben.gets(push_of(call_of(caller, address, method), **RINGING))

    assert (ben.notifications, ben.is_rung, ben.page.evaluate(_MISSED)) == ([], False, [])


def test_who_is_blocked_while_they_ring_rings_no_more(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """Their notification goes: nobody would end it, and it answers."""
    ben.leaves()
    ben.gets(push_of(call_of(caller, address), **RINGING))
    rang = ben.notifications
    ben.looks()
    ben.page.evaluate(_BLOCK, caller.address.text)

    assert len(rang) == 1
    wait_until(lambda: ben.notifications == [])


def test_who_is_blocked_does_not_use_up_the_silent_pushes(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """With no page open the fourth shows one notification without a name, which goes when a page opens."""
    ben.page.evaluate(_BLOCK, caller.address.text)
    ben.leaves()
    shown = []
    for _ in range(5):
        ben.gets(push_of(call_of(caller, address), **RINGING))
        shown.append(ben.notifications)
    ben.looks()

    assert shown == [[], [], [], [NEUTRAL], [NEUTRAL]]
    ben.page.wait_until(
        "return (await (await navigator.serviceWorker.ready).getNotifications()).length === 0"
    )


def test_a_browser_that_counts_every_push_shows_one_without_a_name(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """As Safari does, also while a page is open."""
    ben.page.evaluate(_BLOCK, caller.address.text)

    ben.gets(push_of(call_of(caller, address, "offer"), **CONNECTING))

    assert ben.notifications == [NEUTRAL]


def test_a_call_while_it_is_quiet_is_a_missed_one(ben: ChromiumUser, caller: Person, address: str) -> None:
    """It rings neither in the page nor by a notification, and the people say that it was missed."""
    ben.page.evaluate(_SET_QUIET, LATER_MS)

    ben.gets(push_of(call_of(caller, address), **RINGING))
    rang = ben.is_rung
    ben.gets(push_of(call_of(caller, address, "close")))

    ben.page.wait_until(f"{_MISSED.replace('return ', 'return (')}).length === 1")
    assert (ben.page.evaluate(_MISSED), rang, ben.notifications) == ([caller.address.text], False, [])


def test_many_calls_while_it_is_quiet_are_one_notification_that_makes_no_sound(
    ben: ChromiumUser, caller: Person, address: str
) -> None:
    """Of a missed call, after the pushes that may show nothing."""
    ben.page.evaluate(_SET_QUIET, LATER_MS)
    ben.leaves()

    for _ in range(5):
        ben.gets(push_of(call_of(caller, address), **RINGING))

    silent = ben.browser.in_worker(
        ben.url, "return (await registration.getNotifications()).map(({ silent }) => silent)"
    )
    assert (ben.notifications, silent) == ([missed(caller)], [True])


def test_calls_ring_again_after_the_time(ben: ChromiumUser, caller: Person, address: str) -> None:
    """The worker knows by itself when that is."""
    ben.page.evaluate(_SET_QUIET, 1)

    ben.gets(push_of(call_of(caller, address), **RINGING))

    ben.page.see("#accept")
    ben.gets(push_of(call_of(caller, address, "close")))


def test_the_qr_code_of_my_link_is_read_by_others(ben: ChromiumUser, address: str, tmp_path: Path) -> None:
    """Also in dark mode, as it is seen on the screen."""
    ben.page.darken(dark=True)
    ben.page.click("#show-qr")
    ben.page.see("#qr-code")
    ben.page.wait_until("return document.getAnimations().length === 0")
    ben.page.screenshot(tmp_path / "qr.png")
    ben.page.darken(dark=False)
    ben.page.click("#qr-close")

    link = ben.page.evaluate("return location.origin + '/#' + encodeURIComponent(arguments[0])", address)
    assert read_qr(tmp_path / "qr.png") == link


def read_qr(picture: Path) -> str:
    """Return what the QR code in a picture says."""
    with av.open(str(picture)) as container:
        frame = next(container.decode(video=0)).reformat(format="gray")
    plane = frame.planes[0]
    pixels = memoryview(bytes(plane)).cast("B", (plane.height, plane.line_size))
    found: Any
    [found] = zxingcpp.read_barcodes(pixels, zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    return str(found.text)


def test_a_scanned_link_fills_the_field_and_rings_nobody(ben: ChromiumUser, caller: Person) -> None:
    """What is no link is said; the camera is off afterwards."""
    link = f"https://whisper.example.org/#{caller.address.text.replace('=', '%3D')}~Carla"
    ben.page.evaluate(_GIVE_DETECTOR, link)
    ben.page.click("#add-person")

    ben.page.click("#scan")

    ben.page.wait_until("return document.getElementById('address-field').value === arguments[0]", link)
    ben.page.wait_until("return document.getElementById('name-field').value === 'Carla'")
    assert ben.page.evaluate(_CAMERAS) == ["ended"]
    assert ben.page.evaluate("return document.querySelectorAll('.person[data-phase=ringing]').length") == 0
    ben.page.click("#add-cancel")


def test_scanning_can_be_given_up(ben: ChromiumUser) -> None:
    """By closing the dialog, too: the camera goes off. Without a reader there is no button."""
    ben.page.reload()
    ben.page.click("#add-person")
    ben.page.see("#add-cancel")
    assert not ben.page.evaluate("return document.getElementById('scan').checkVisibility()")
    ben.page.click("#add-cancel")
    ben.page.evaluate(_GIVE_DETECTOR, "no link")
    ben.page.click("#add-person")
    ben.page.click("#scan")
    ben.page.see("#scan-status", "holds no address")

    ben.page.click("#add-cancel")

    ben.page.wait_until(f"{_CAMERAS}.join() === 'ended'")


def test_a_permission_that_goes_and_comes_is_followed_at_once(ben: ChromiumUser) -> None:
    """What is missing is said with how to mend it, people stay, nobody can be rung; then all is as before."""
    try:
        ben.browser.set_notifications("denied")
        ben.page.see("#alerts", "Notifications are blocked")
        ben.page.see("#my-status", "Not reachable now")
    finally:
        ben.browser.set_notifications("granted")

    ben.page.wait_until("return !document.getElementById('alerts').innerText")
    ben.page.see("#my-status", "You")


def test_somebody_is_blocked_and_let_in_again(ben: ChromiumUser, caller: Person, address: str) -> None:
    """By the dialog about them, and by one click; the list says so, and they can't be rung meanwhile."""
    ben.finds(caller.address.text)
    ben.page.click("#open-person")
    ben.page.click("#block-person")
    ben.page.click("#confirm-yes")
    ben.page.see(".person[aria-current]", "Blocked")
    blocked = ben.page.evaluate("return document.getElementById('call-voice').disabled")

    ben.page.click("#keep-person")
    ben.page.wait_until("return !document.getElementById('call-voice').disabled")
    ben.gets(push_of(call_of(caller, address), **RINGING))
    ben.page.see("#accept")
    ben.gets(push_of(call_of(caller, address, "close")))

    assert blocked


def test_do_not_disturb_is_chosen_and_ended(ben: ChromiumUser, caller: Person, address: str) -> None:
    """The people say that it is on, after a reload too, and one click ends it."""
    ben.page.click("#open-settings")
    ben.page.evaluate("""
        const quiet = document.getElementById('quiet');
        quiet.value = 'ever';
        quiet.dispatchEvent(new Event('change'));
    """)
    ben.page.click("#settings-close")
    ben.page.see("#quiet-bar", "Do not disturb")
    ben.page.reload()

    ben.page.click("#quiet-off")

    ben.page.wait_until("return !document.getElementById('quiet-bar').checkVisibility()")
    ben.gets(push_of(call_of(caller, address), **RINGING))
    ben.page.see("#accept")
    ben.gets(push_of(call_of(caller, address, "close")))
