"""Pages that are closed, and two windows of one browser."""

from collections.abc import Iterator

import pytest

from tests.browser.drivers.firefox import FIREFOX, Firefox, firefox
from tests.browser.users.client_page import App, connect
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed


@pytest.fixture(scope="module")
def browsers(push_process: PushServiceProcess) -> Iterator[tuple[Firefox, Firefox]]:
    """Run two browsers."""
    with (
        firefox(installed(FIREFOX), push_process.websocket_url) as one,
        firefox(installed(FIREFOX), push_process.websocket_url) as other,
    ):
        yield one, other


@pytest.fixture
def blank(browsers: tuple[Firefox, Firefox], deployment: Deployment) -> str:
    """Return a page in which nothing runs; no other is open."""
    for browser in browsers:
        browser.close_tabs()
    return f"{deployment.url}/js/whisper.js"


@pytest.fixture
def anna(browsers: tuple[Firefox, Firefox], blank: str) -> App:
    """Return an app in the one browser."""
    return App(browsers[0].open(blank))


@pytest.fixture
def ben(browsers: tuple[Firefox, Firefox], blank: str) -> App:
    """Return an app in the other."""
    return App(browsers[1].open(blank))


def test_a_tab_that_is_closed_is_told_at_once(anna: App, ben: App) -> None:
    """The other need not wait whether it comes back."""
    connect(anna, ben)

    ben.page.close()

    anna.hears("close", "hung_up")


def test_a_tab_that_is_closed_while_others_stay_is_told_at_once(
    anna: App, ben: App, browsers: tuple[Firefox, Firefox], blank: str
) -> None:
    """A window that was there before is no reload."""
    waiting = App(browsers[1].open(blank))
    waiting.page.evaluate("Object.defineProperty(performance, 'timeOrigin', { value: 0 })")
    waiting.run("(window.accepting = false)")  # either of the two might answer
    connect(anna, ben)

    ben.page.close()

    anna.hears("close", "hung_up")


def test_a_dial_ends_with_its_tab(anna: App, ben: App) -> None:
    """The other rings no more, and has missed a call."""
    ben.run("(window.accepting = false)")
    anna.run("(whisper.dial(arguments[0]).catch(() => 0), 0)", ben.address)
    ben.hears("dial", anna.address)

    anna.page.close()

    ben.hears("missed", anna.address)


def test_another_window_says_who_has_the_call(
    anna: App, ben: App, browsers: tuple[Firefox, Firefox], blank: str
) -> None:
    """It does not take it over unasked, and says so when it does; the call goes on there."""
    connect(anna, ben)
    window = App(browsers[1].open(blank))
    window.page.wait_until("return whisper.elsewhere.has(arguments[0])", anna.address)

    refused = window.attempt("whisper.dial(arguments[0]).then(() => 0)", anna.address)
    window.run("whisper.dial(arguments[0], { takeOver: true }).then(() => 0)", anna.address)

    assert refused == {"code": "in_another_window"}
    ben.hears("close", "taken_over")
    ben.page.wait_until("return whisper.elsewhere.has(arguments[0])", anna.address)
    window.page.wait_until("return !whisper.elsewhere.has(arguments[0])", anna.address)
    window.run("peer.send('still here')")
    anna.hears("message", "still here")
