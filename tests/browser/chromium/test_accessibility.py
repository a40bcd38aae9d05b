"""Accessibility of every view: on a phone and on a laptop, in light and in dark, by eye and by ear."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.drivers.accessibility_checks import AXE_FAULTS, all_of, faults
from tests.browser.users.chromium_user import ChromiumUser, at_chromium
from tests.deployment import Deployment, PushServiceProcess
from tests.people import Person

_MENU_ELSEWHERE = """
    const menu = document.getElementById('message-menu').getBoundingClientRect();
    const opener = [...document.querySelectorAll('.mine .menu-button')].at(-1).getBoundingClientRect();
    return menu.left < opener.right && menu.right > opener.left ? [] : ['the menu is not beside its button'];
"""


@pytest.fixture(scope="module")
def laila(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[ChromiumUser]:
    """Return somebody whose browser speaks Arabic, and who has told her name."""
    with at_chromium(deployment, push_process, "--accept-lang=ar-EG,ar") as person:
        person.page.click("#open-settings")
        person.page.type("#my-name", "ليلى")
        person.page.click("#settings-close")
        yield person


@pytest.fixture(autouse=True)
def _alone(anna: ChromiumUser) -> None:
    """Begin each test with the page itself, and no dialog over it."""
    anna.looks()
    anna.page.evaluate("for (const each of document.querySelectorAll('dialog[open]')) each.close()")


def test_the_first_visit(anna: ChromiumUser) -> None:
    """To the browser, another name of this machine is another origin, where nobody has been."""
    page = anna.browser.open(anna.url.replace("localhost", "another.localhost"))
    page.see("#turn-on")
    found = faults(page, "first-visit")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found += faults(page, "backup")

    page.close()
    assert found == []


def test_nobody_yet(anna: ChromiumUser) -> None:
    """The list of people, empty."""
    anna.page.see("#people-empty")

    assert faults(anna.page, "nobody-yet") == []


def test_settings(anna: ChromiumUser) -> None:
    """With everything unfolded, and the whole address."""
    anna.page.click("#open-settings")
    anna.page.see("#full-address", anna.address)
    anna.page.evaluate(
        "for (const each of document.querySelectorAll('#settings-dialog details')) each.open = true"
    )

    assert faults(anna.page, "settings") == []


def test_a_fault_in_a_form(anna: ChromiumUser) -> None:
    """An address that is none."""
    anna.page.click("#add-person")
    anna.page.type("#address-field", "hello Ben!")
    anna.page.see("#address-fault", "only letters, digits")

    assert faults(anna.page, "add-fault") == []


def test_a_notice(anna: ChromiumUser) -> None:
    """A failure that stays in sight."""
    anna.browser.go_offline(offline=True)
    anna.page.see("#alerts", "You are offline")

    found = faults(anna.page, "notice")

    anna.browser.go_offline(offline=False)
    assert found == []


def test_a_call_that_failed(anna: ChromiumUser) -> None:
    """To somebody whom nobody knows."""
    anna.rings(Person().address.text)
    anna.page.see("#chat-trouble")

    assert faults(anna.page, "call-failed") == []


def test_my_link_as_a_code(anna: ChromiumUser) -> None:
    """For a camera."""
    anna.page.click("#show-qr")
    anna.page.see("#qr-code")

    assert faults(anna.page, "qr") == []


def test_a_person(anna: ChromiumUser) -> None:
    """What is known of them, and what is asked before they are removed."""
    anna.finds(Person().address.text)
    anna.page.click("#open-person")
    found = faults(anna.page, "person")
    anna.page.click("#remove-person")
    found += faults(anna.page, "sure")

    assert found == []


def test_a_call_and_a_chat(anna: ChromiumUser, laila: ChromiumUser, tmp_path: Path) -> None:
    """Ringing; then messages, short and long, a file, and what is no text; then a picture."""
    (tmp_path / "a-file-with-a-name-that-is-longer-than-a-phone-is-wide-and-then-some.pdf").write_text("%PDF")
    found: list[str] = []
    laila.rings(anna.address)
    anna.page.see("#accept")
    found += faults(anna.page, "incoming") + faults(laila.page, "arabic-ringing")
    anna.accepts()
    anna.talks()
    laila.talks()
    laila.writes("Shall we meet at the lake? The weather is supposed to hold until the evening. " * 3)
    laila.writes("https://example.org/" + "a" * 200)
    anna.writes("نعم، في الساعة 5 👋")
    laila.sends(*tmp_path.iterdir())
    anna.page.see(".theirs", "then-some.pdf")
    found += faults(anna.page, "chat") + faults(laila.page, "arabic-chat")
    laila.page.evaluate("[...document.querySelectorAll('.theirs .menu-button')].at(-1).click()")
    laila.page.click("#message-menu [data-reply]")
    laila.page.evaluate("[...document.querySelectorAll('.mine .menu-button')].at(-1).click()")
    found += all_of(laila.page, AXE_FAULTS) + all_of(laila.page, _MENU_ELSEWHERE)
    laila.page.press("Escape")
    laila.page.click("#start-video")
    anna.page.wait_until("return document.querySelector('video.remote')?.videoWidth > 0")
    anna.page.click("#camera")
    anna.page.see("video.self-view")

    found += faults(anna.page, "picture") + faults(laila.page, "arabic-picture")
    anna.page.click("#open-devices")
    found += faults(anna.page, "devices")
    anna.page.click("#devices-dialog [type=submit]")
    anna.finds(Person().address.text)
    anna.page.see("#live-bar")
    found += faults(anna.page, "live-bar")

    assert found == []
