"""Calls between two users of the app, in two Chromiums; push_bridge.py is in place of their push service."""

from pathlib import Path

import pytest

from tests.browser.drivers.page import wait_until
from tests.browser.users.chromium_user import STORED_CHATS, ChromiumUser, at_chromium
from tests.browser.users.user import connect
from tests.deployment import Deployment, PushServiceProcess
from tests.people import Person
from tests.processes import ROOT

pytestmark = pytest.mark.usefixtures("fresh_pages")

_PASTE = """
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', arguments[0]);
    document.getElementById('message').dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
"""

FOUR_WORDS = "four words are good"
_SEES_PHOTO = "return document.querySelector('.theirs img.preview')?.naturalWidth === 192"
_ENTRIES = """
    const entries = document.querySelectorAll('.logs .theirs, .logs .mine, .logs .note');
    return [...entries].map((each) => each.textContent);
"""
_PEOPLE = "return [...document.querySelectorAll('.person')].map(({ dataset }) => dataset.address)"


def test_three_pushes_make_a_connection(
    anna: ChromiumUser, ben: ChromiumUser, push_process: PushServiceProcess
) -> None:
    """By the count of the push service, and as both pages say it."""
    connect(anna, ben)

    for person in (anna, ben):
        assert person.route.startswith("Direct · 3 pushes · ")

    assert push_process.taken == 3


def test_messages_go_both_ways(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """As they were written, and marked when they have arrived; and nothing went wrong in either browser."""
    connect(anna, ben)

    anna.writes("hello <b>Ben</b>")
    ben.reads("hello <b>Ben</b>")
    ben.writes("grüß dich 👋")
    anna.reads("grüß dich 👋")

    anna.page.see("[data-delivered]", "hello <b>Ben</b>")
    ben.page.see("[data-delivered]", "grüß dich 👋")
    assert (anna.browser.errors, ben.browser.errors) == ([], [])


def test_they_see_each_other(anna: ChromiumUser, ben: ChromiumUser, push_process: PushServiceProcess) -> None:
    """The picture moves, and took no other push."""
    connect(anna, ben)

    anna.page.click("#start-video")

    playing = """
        const video = document.querySelector('video.remote');
        return video?.videoWidth > 0 && video.currentTime > 0;
    """
    ben.page.wait_until(playing)
    assert push_process.taken == 3


def test_a_call_that_was_accepted_is_no_longer_announced(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """Ben sees the notification, comes back to his page and accepts there."""
    address = ben.address
    ben.looks_away()
    anna.rings(address)
    ben.page.see("#accept")
    assert len(wait_until(lambda: ben.notifications)) == 1

    ben.accepts()
    ben.talks()

    wait_until(lambda: not ben.notifications)


def test_a_voice_call(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """Both hear each other as soon as it is accepted, are told who is muted, and then, how long it was."""
    anna.finds(ben.address)
    anna.page.click("#call-voice")
    anna.page.see("#call-status", "Ringing")
    ben.page.see("#incoming-more", "is calling you by voice")
    ben.accepts()

    for person in (anna, ben):
        person.page.see("#stage-area", "hear each other")
    ben.page.see("#duration", "0:")
    anna.page.click("#microphone")
    ben.page.see("#stage-status", "is muted")
    anna.page.click("#end-call")

    ben.page.see("[data-kind=note]", "hung up · 0:")
    anna.page.see("[data-kind=note]", "You hung up · 0:")


def test_a_call_goes_on_after_a_reload(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """With its time, and muted as it was; a button resumes it where the browser would ask first."""
    anna.finds(ben.address)
    anna.page.click("#call-voice")
    ben.accepts()
    ben.page.see("#stage-area", "hear each other")
    anna.page.see("#duration", "0:02")
    anna.page.click("#microphone")
    ben.page.see("#stage-status", "is muted")

    anna.page.reload()
    anna.page.see("#resume")
    ben.page.see("#stage-status", "has put you on hold")
    anna.page.click("#resume")
    ben.page.see("#stage-status", "is muted")

    anna.browser.set_permission("microphone", "granted")
    for _ in range(2):
        anna.page.reload()
    anna.page.see("#stage-area", "hear each other")
    ben.page.see("#stage-area", "hear each other")
    ben.page.see("#stage-status", "is muted")
    anna.page.click("#microphone")
    ben.page.wait_until("return !document.getElementById('stage-status').innerText")
    assert anna.page.text("#duration") not in ("0:00", "0:01")


def test_nobody_is_rung_by_who_goes_on_typing(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """They hang up in the middle of a sentence: the field stays, and what is sent waits."""
    connect(anna, ben)
    anna.page.click("#message")
    anna.page.press("H", "i")

    ben.hangs_up()
    anna.page.see("[data-kind=note]", "hung up")
    anna.page.press("Space", "B", "e", "n", "Enter")

    anna.page.see(".mine", "Waits until you are connected")
    assert not ben.page.evaluate("return document.getElementById('accept').checkVisibility()")
    ben.rings(anna.address)
    anna.accepts()
    ben.reads("Hi Ben")


def test_a_live_camera_is_never_out_of_sight(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """Whatever else is shown, it is told, and can be ended."""
    connect(anna, ben)
    anna.page.click("#start-video")
    ben.page.see("video.remote")

    anna.finds(Person().address.text)
    anna.page.see("#live-bar", "Microphone on, Camera on")
    anna.page.click("#live-end")

    ben.page.see("[data-kind=note]", "hung up")
    anna.page.wait_until("return document.getElementById('live-bar').hidden")


def test_a_call_takes_no_field_away(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """What is typed goes on when somebody rings, and answers nothing; Escape declines."""
    address = anna.address
    anna.finds(ben.address)
    anna.page.click("#message")
    ben.rings(address)
    anna.page.see("#accept")

    anna.page.press("a", "Space", "b")
    assert anna.page.evaluate("return document.getElementById('message').value") == "a b"
    anna.page.press("Escape")

    ben.page.see("#chat-trouble", "declined")


def test_a_chat_is_there_again(anna: ChromiumUser, ben: ChromiumUser, tmp_path: Path) -> None:
    """After the page was closed: messages, files, what was typed, and who called; until it is deleted."""
    address = anna.address
    (tmp_path / "list.txt").write_text("bread")
    connect(anna, ben)
    ben.writes("my number is 555-1234")
    ben.sends(tmp_path / "list.txt")
    anna.page.click("[data-accept-file]")
    anna.page.see("[data-save-file]")
    anna.hangs_up()
    anna.page.type("#message", "I will be there at")
    anna.keeps("I will be there at")

    extractable, sealed, opened = anna.page.evaluate(STORED_CHATS)
    assert (extractable, "555" in sealed, "555" in opened) == (False, False, True)

    anna.leaves()
    anna.looks()
    anna.finds(ben.address)
    anna.page.see(".theirs", "my number is 555-1234")
    anna.page.see("[data-save-file]")
    assert anna.page.evaluate("return document.getElementById('message').value") == "I will be there at"

    anna.page.click("#open-person")
    anna.page.click("#delete-chat")
    anna.page.click("#confirm-yes")
    anna.page.wait_until("return !document.querySelector('.theirs')")
    anna.page.reload()
    assert anna.address == address
    anna.page.wait_until("return !document.querySelector('.theirs')")


def test_a_second_call_holds_the_first(
    anna: ChromiumUser, ben: ChromiumUser, push_process: PushServiceProcess, deployment: Deployment
) -> None:
    """One call has the camera and the microphone; who waits is told, and is seen again afterwards."""
    connect(anna, ben)
    anna.page.click("#start-video")
    ben.page.see("video.remote")
    with at_chromium(deployment, push_process) as carla:
        carla.finds(anna.address)
        carla.page.click("#call-voice")
        anna.page.see("#incoming-hold", "is put on hold")

        anna.accepts()

        carla.page.see("#stage-area", "hear each other")
        ben.page.see("#stage-status", "has put you on hold")
        ben.page.wait_until("return !document.querySelector('.stage[data-remote=video]')")
        anna.page.click("#end-call")
    anna.page.click("#live-return")
    anna.page.click("#resume")

    ben.page.wait_until("return document.querySelector('.stage[data-remote=video]')")


def test_a_picture_is_seen_and_a_name_is_said(anna: ChromiumUser, ben: ChromiumUser, tmp_path: Path) -> None:
    """By whoever it came from, until it is kept; addresses in a text are links, and nothing is fetched."""
    ben.page.click("#open-settings")
    ben.page.type("#my-name", "Ben B.")
    ben.page.evaluate("document.getElementById('my-name').dispatchEvent(new Event('change'))")
    ben.page.click("#settings-close")
    (tmp_path / "photo.png").write_bytes((ROOT / "web/icons/icon-192.png").read_bytes())
    connect(anna, ben)

    anna.page.see("#open-person", "says: Ben B.")
    ben.writes("see https://example.org/a.")
    anna.page.see('.theirs a[href="https://example.org/a"][rel="noopener noreferrer"]')
    anna.page.click("#keep-person")
    anna.page.click("#rename-save")
    anna.page.see(".person", "Ben B.")
    ben.sends(tmp_path / "photo.png")

    anna.page.wait_until("return document.querySelector('.theirs img.preview')?.naturalWidth === 192")
    ben.page.see(".mine img.preview")
    anna.page.evaluate(_PASTE, "long " * 4000)
    ben.page.see(".theirs", "text.txt")


def test_chats_are_there_without_the_permission_to_notify(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """What is missing is said, with how to mend it; once it is mended, calls are on again by themselves."""
    connect(anna, ben)
    try:
        anna.browser.set_notifications("denied")
        anna.page.reload()

        anna.page.see("#alerts", "Notifications are blocked")
        anna.page.see(".person")
    finally:
        anna.browser.set_notifications("granted")

    anna.page.see("#my-status", "You")
    anna.page.wait_until("return !document.getElementById('alerts').innerText")


def test_a_contact_follows_to_a_new_address(anna: ChromiumUser, ben: ChromiumUser) -> None:
    """Made while they are connected: name and chat stay, and the next call rings there."""
    before = ben.address
    connect(anna, ben)
    for person, other in ((anna, "Ben"), (ben, "Anna")):
        person.page.click("#open-person")
        person.page.type("#rename-field", other)
        person.page.click("#rename-save")
        person.page.see("#chat-name", other)
    ben.writes("I have lost my code")
    anna.reads("I have lost my code")

    ben.page.click("#open-settings")
    ben.page.click("#new-details summary")
    ben.page.type("#new-passphrase", "correct horse battery")
    ben.page.type("#new-passphrase-again", "correct horse battery")
    ben.page.click("#new-sure")
    ben.page.click("#new-address")

    anna.page.see("[data-kind=note]", "Ben has a new address")
    ben.page.click("#backup-done")
    assert ben.address != before
    anna.page.click("#ring")
    ben.accepts()
    anna.talks()
    anna.page.reload()
    anna.reads("I have lost my code")
    anna.page.see("#chat-name", "Ben")
    assert before not in anna.page.evaluate(_PEOPLE)


def test_what_was_exported_is_there_after_the_import(
    anna: ChromiumUser, ben: ChromiumUser, tmp_path: Path
) -> None:
    """People, names, messages and files. A second import adds nothing, a wrong passphrase changes nothing."""
    (tmp_path / "photo.png").write_bytes((ROOT / "web/icons/icon-192.png").read_bytes())
    connect(anna, ben)
    anna.page.click("#open-person")
    anna.page.type("#rename-field", "Benjamin")
    anna.page.click("#rename-save")
    ben.writes("to be kept")
    ben.sends(tmp_path / "photo.png")
    anna.page.wait_until(_SEES_PHOTO)
    anna.hangs_up()
    anna.page.see(".note", "You hung up")
    before = anna.page.evaluate(_ENTRIES)
    assert any("to be kept" in entry for entry in before)
    exported = export(anna)
    person = f'.person[data-address="{ben.address}"]'
    anna.page.click("#open-person")
    anna.page.click("#remove-person")
    anna.page.click("#confirm-yes")
    anna.page.wait_until("return !document.querySelector(arguments[0])", person)
    ben.rings(anna.address)
    anna.page.click("#decline")
    anna.page.click(person)
    anna.page.see(".note", "You declined a call")

    import_file(anna, exported, "four other words")
    anna.page.see("#export-trouble", "This passphrase does not open it")
    anna.page.click("#settings-close")
    [declined] = anna.page.evaluate(_ENTRIES)

    for _ in range(2):
        import_file(anna, exported, FOUR_WORDS)
        anna.page.see("#toast", "Added")  # the chat is drawn a moment later
        anna.page.wait_until("return document.querySelectorAll('.logs .note').length > 1")
        assert anna.page.evaluate(_ENTRIES) == [*before, declined]
    anna.leaves()
    anna.looks()
    anna.page.see(".person", "Benjamin")
    anna.page.click(person)
    anna.page.wait_until(_SEES_PHOTO)

    assert anna.page.evaluate(_ENTRIES) == [*before, declined]


def export(someone: ChromiumUser) -> Path:
    """Export everything into a file."""
    someone.page.click("#open-settings")
    someone.page.evaluate("document.getElementById('export-form').parentElement.open = true")
    for field in ("#export-passphrase", "#export-passphrase-again"):
        someone.page.type(field, FOUR_WORDS)
    someone.page.click("#export-save")
    (file,) = wait_until(lambda: list(someone.browser.downloads.glob("*.whisper")))
    someone.page.click("#settings-close")
    return file


def import_file(someone: ChromiumUser, file: Path, passphrase: str) -> None:
    """Import *file*."""
    someone.page.click("#open-settings")
    someone.page.evaluate("document.getElementById('import-form').parentElement.open = true")
    someone.page.choose("#import-file", file)
    someone.page.type("#import-passphrase", passphrase)
    someone.page.click("#import-save")
