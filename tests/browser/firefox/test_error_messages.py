"""Error messages of the app, each in plain words."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.browser.drivers.firefox import FIREFOX, firefox
from tests.browser.drivers.page import PATIENCE_S
from tests.browser.users.firefox_user import at_firefox
from tests.browser.users.user import User
from tests.deployment import Deployment, PushServiceProcess
from tests.faults.harness.fault_proxy import fault_proxy
from tests.people import Person
from tests.processes import installed


@pytest.mark.parametrize(
    ("preferences", "words"),
    [
        ({"permissions.default.desktop-notification": 2}, "Notifications are blocked"),
        ({"dom.push.enabled": False}, "no push messages here"),
        ({"media.peerconnection.enabled": False}, "too old for calls"),
    ],
    ids=["denied", "without push", "unsupported"],
)
def test_what_a_browser_lacks_is_said(
    preferences: dict[str, bool | int], words: str, deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """Each has its own sentence."""
    with firefox(installed(FIREFOX), push_process.websocket_url, preferences) as running:
        page = running.open(deployment.url)

        page.click("#turn-on")

        page.see("#welcome-trouble", words, seconds=2 * PATIENCE_S)


def test_a_lost_server_is_said_and_found_again(
    push_process: PushServiceProcess, deployment: Deployment
) -> None:
    """The app opens without it, says so, and turns calls on by itself when it is back."""
    with (
        firefox(installed(FIREFOX), push_process.websocket_url) as running,
        fault_proxy(deployment.port) as server,
    ):
        page = running.open(replace(deployment, port=server.port).url)
        User.new(page)
        server.refuse()

        page.evaluate("setTimeout(() => location.reload())")
        page.see("[data-code=server_unreachable]")

        server.open()
        page.wait_until("return !document.querySelector('[data-code=server_unreachable]')", seconds=60)
        page.see("#my-status", "You")


# Before there is another user, or a third browser would be started.
def test_a_backup_brings_the_address_back(push_process: PushServiceProcess, deployment: Deployment) -> None:
    """Made with a new address, opened in another browser by its passphrase and by no other."""
    with (
        firefox(installed(FIREFOX), push_process.websocket_url) as first,
        firefox(installed(FIREFOX), push_process.websocket_url) as second,
    ):
        page = first.open(deployment.url)
        page.click("#backup-details summary")
        page.type("#passphrase", "correct horse battery")
        page.type("#passphrase-again", "correct horse battery")
        page.click("#turn-on")
        page.click("#backup-done")
        (backup,) = first.downloads.iterdir()

        other = second.open(deployment.url)
        other.click("#restore-details summary")
        other.choose("#restore-file", backup)
        other.type("#restore-passphrase", "wrong horse battery")
        other.click("#restore")
        other.see("#welcome-trouble", "passphrase")
        other.type("#restore-passphrase", "correct horse battery")
        other.click("#restore")
        other.see("#my-address", seconds=2 * PATIENCE_S)

        assert User(other).address == User(page).address


@pytest.fixture(scope="module")
def someone(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[User]:
    """Return somebody who has turned calls on."""
    with at_firefox(deployment, push_process) as user:
        yield user


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("hello, there!", "only letters, digits"),
        ("abc", "44 characters, this has 3"),
        ("A" * 42 + "B=", "mistake"),
    ],
    ids=["words", "too short", "not canonical"],
)
def test_a_wrong_address_is_told_at_once(typed: str, words: str, someone: User) -> None:
    """While it is typed, with what is wrong."""
    someone.page.reload()
    someone.page.click("#add-person")

    someone.page.type("#address-field", typed)

    someone.page.see("#address-fault", words)


def test_my_own_address_is_not_one_to_ring(someone: User) -> None:
    """It is told at once, too."""
    someone.page.reload()
    address = someone.address
    someone.page.click("#add-person")

    someone.page.type("#address-field", address)

    someone.page.see("#address-fault", "your own")


def test_nobody_there_is_said(someone: User) -> None:
    """A refusal of the server, in words."""
    someone.page.reload()
    someone.page.see("#my-address")

    someone.rings(Person().address.text)

    someone.page.see("#chat-trouble", "Nobody is reachable")
