"""First use of the app by two people, from the first call to the chat that is there afterwards."""

import time
from pathlib import Path

from tests.browser.users.chromium_user import ChromiumUser
from tests.processes import ROOT

_SEES = "return document.querySelector('video.remote')?.videoWidth > 0"
VOICE_S = 30


def test_two_people_who_have_never_seen_it(anna: ChromiumUser, ben: ChromiumUser, tmp_path: Path) -> None:
    """One at a phone: by voice, by video, with a screen and a photo; and all of it is there afterwards."""
    (tmp_path / "photo.png").write_bytes((ROOT / "web/icons/icon-192.png").read_bytes())
    address = ben.address
    anna.page.resize(360, 740)
    anna.finds(address)
    began = time.monotonic()
    anna.page.click("#call-voice")
    ben.accepts()
    for person in (anna, ben):
        person.page.see("#stage-area", "hear each other")
    assert time.monotonic() - began < VOICE_S

    anna.page.click("#camera")
    ben.page.wait_until(_SEES)
    ben.page.click("#screen")
    anna.page.wait_until(_SEES)
    anna.page.click("#toggle-chat")
    anna.sends(tmp_path / "photo.png")
    ben.page.see(".theirs", "photo.png")
    ben.page.evaluate("document.querySelector('[data-accept-file]:not([hidden])')?.click()")  # if he is asked
    ben.page.see(".theirs img.preview")
    anna.page.click("#end-call")
    ben.page.see("[data-kind=note]", "hung up · 0:")

    for person in (anna, ben):
        person.keeps("hung up")
        person.page.reload()
        person.looks()
    ben.finds(anna.address)
    ben.page.see(".theirs img.preview")
    anna.finds(address)
    anna.page.see("[data-kind=note]", "You hung up · 0:")
    anna.page.see(".mine img.preview")
