"""Languages of the app: chosen by the browser or in the settings, from right to left, and offline."""

from collections.abc import Iterator

import pytest

from bench.page_load import IS_KEPT
from tests.browser.drivers.accessibility_checks import faults
from tests.browser.users.chromium_user import ChromiumUser, at_chromium
from tests.browser.users.push_messages import RINGING, call_of, push_of, short
from tests.deployment import Deployment, PushServiceProcess
from tests.people import Person

_LANGUAGE = "return [document.documentElement.lang, document.documentElement.dir]"
# Words of two Latin letters or more that are seen or told, but for names and addresses.
_LATIN = """
    const texts = element => [...element.childNodes]
        .filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data);
    const attributes = element => ['aria-label', 'title', 'placeholder', 'alt']
        .map(name => element.getAttribute(name) ?? '');
    return [...document.querySelectorAll('body *:not(code, script, option[lang])')]
        .filter(each => !each.closest('.avatar, #boot'))
        .flatMap(each => [...texts(each), ...attributes(each)])
        .flatMap(text => text.match(/[A-Za-z]{2,}/g) ?? []);
"""
_NAMES = {"Whisper", "QR", "iPhone", "iPad", "Apple", "JavaScript"}


@pytest.fixture(name="laila", scope="module")
def _laila(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[ChromiumUser]:
    """Return somebody whose browser speaks Arabic."""
    with at_chromium(deployment, push_process, "--accept-lang=ar-EG,ar") as person:
        person.page.wait_until(IS_KEPT)
        yield person


def test_the_browser_chooses_the_language(laila: ChromiumUser) -> None:
    """Nothing is left in English, seen or told; the page runs from right to left."""
    laila.page.reload()
    laila.page.see("#my-status", "أنت")

    assert laila.page.evaluate(_LANGUAGE) == ["ar", "rtl"]
    assert set(laila.page.evaluate(_LATIN)) <= _NAMES


def test_the_language_is_there_without_a_network(laila: ChromiumUser) -> None:
    """Its file is kept with the page."""
    laila.browser.go_offline(offline=True)
    laila.page.reload()
    laila.page.see("#alerts", "أنت غير متصل بالشبكة")
    laila.browser.go_offline(offline=False)
    laila.page.wait_until("return !document.getElementById('alerts').innerText")


def test_everybody_can_use_the_settings_from_right_to_left(laila: ChromiumUser) -> None:
    """On a phone and on a laptop, in light and in dark, with everything unfolded."""
    page = laila.page = laila.browser.open(laila.url)
    page.click("#open-settings")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

    found = faults(page, "arabic-settings")

    page.close()
    assert found == []


def test_a_person_chooses_another_language(laila: ChromiumUser) -> None:
    """The page opens again in it, and the browser's is forgotten."""
    page = laila.page = laila.browser.open(laila.url)
    page.click("#open-settings")
    page.choose_option("#language", "de")
    page.see("#chat-none-text", "Wer dich anruft, erscheint hier.")

    assert page.evaluate(_LANGUAGE) == ["de", "ltr"]


def test_a_notification_is_in_the_language_of_the_pages(laila: ChromiumUser) -> None:
    """The worker has its words from them, and rings when they are closed."""
    page = laila.page = laila.browser.open(laila.url)
    page.click("#open-settings")
    page.choose_option("#language", "")
    page.see("#my-status", "أنت")
    address, caller = laila.address, Person()
    laila.leaves()

    laila.gets(push_of(call_of(caller, address), **RINGING))

    assert laila.notifications == [f"{short(caller.address.text)}: يتصل بك وليس ضمن أشخاصك"]
