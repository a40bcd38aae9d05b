"""Several devices of one person: a Firefox and a Chromium with one address, and another who calls them."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.browser.drivers.chromium import CHROMIUM, chromium
from tests.browser.drivers.firefox import FIREFOX, firefox
from tests.browser.drivers.page import wait_until
from tests.browser.drivers.push_bridge import bridged
from tests.browser.users.client_page import App
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed

_CREATE = """
    const { Identity } = await import('/js/whisper.js');
    return (await Identity.create({ passphrase: 'correct horse' })).backup;
"""
_RESTORE = """
    const { Identity } = await import('/js/whisper.js');
    await Identity.restore(arguments[0], 'correct horse');
"""
_DIAL = "(window.dialling = whisper.dial(arguments[0]).then(() => 'open', ({ code }) => code), 0)"


class People(NamedTuple):
    """Anna, and Ben's two devices."""

    anna: App
    ben: App
    ben_too: App


@pytest.fixture(scope="module")
def apps(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[People]:
    """Run three browsers: Anna's, and two of Ben's, the second from a backup of the first."""
    blank = f"{deployment.url}/js/whisper.js"
    with (
        firefox(installed(FIREFOX), push_process.websocket_url) as annas,
        firefox(installed(FIREFOX), push_process.websocket_url) as bens,
        chromium(installed(CHROMIUM)) as other,
        bridged(other, deployment.url, push_process.websocket_url),
    ):
        other.open(blank).evaluate(_RESTORE, bens.open(blank).evaluate(_CREATE))
        people = People(*(App(browser.open(blank)) for browser in (annas, bens, other)))
        people.ben.run("whisper.update()")  # and hears that there are two
        yield people


@pytest.fixture(autouse=True)
def _at_home(apps: People, push_process: PushServiceProcess) -> None:
    """Begin each test without a connection."""
    for app in apps:
        app.run("Promise.all([...whisper.peers.values()].map((peer) => peer.close()))")
    for app in apps:
        app.page.wait_until("return whisper.peers.size === 0")
        app.run("(window.heard = [], window.accepting = false)")
    push_process.clear()


def notes(app: App, kind: str) -> list[Any]:
    """Return what *app* has noted of *kind*."""
    found: list[Any] = app.page.evaluate("return heard.filter(([kind]) => kind === arguments[0])", kind)
    return found


def test_a_backup_is_a_second_device(apps: People) -> None:
    """With the same address; neither takes the other's calls away."""
    devices = apps.ben.run("whisper.devices()")

    assert apps.ben.address == apps.ben_too.address
    assert [each["isThis"] for each in devices] in ([True, False], [False, True])


@pytest.mark.parametrize("answering", ["ben", "ben_too"])
def test_all_ring_and_one_answers(apps: People, push_process: PushServiceProcess, answering: str) -> None:
    """The other falls silent at once, and has missed nothing: five pushes for two devices."""
    answers = getattr(apps, answering)
    (other,) = {apps.ben, apps.ben_too} - {answers}
    apps.anna.run(_DIAL, apps.ben.address)
    for app in (apps.ben, apps.ben_too):
        app.hears("dial", apps.anna.address)

    began = time.monotonic()
    answers.run("(ringing.accept(), 0)")
    other.hears("silent", "answered_elsewhere")
    silent_in = time.monotonic() - began

    assert apps.anna.run("dialling") == "open"
    assert silent_in < 1
    assert (notes(other, "missed"), notes(other, "elsewhere")) == ([], [["elsewhere", apps.anna.address]])
    assert other.run("whisper.peers.size") == 0
    assert push_process.taken == 2 + 1 + 1 + 1
    answers.run("peer.send('here')")
    apps.anna.hears("message", "here")


def test_one_declines_for_all(apps: People) -> None:
    """The caller is told, and the other device has missed nothing."""
    apps.anna.run(_DIAL, apps.ben.address)
    for app in (apps.ben, apps.ben_too):
        app.hears("dial", apps.anna.address)

    apps.ben.run("ringing.decline()")

    apps.ben_too.hears("silent", "answered_elsewhere")
    assert apps.anna.run("dialling") == "declined"
    assert notes(apps.ben_too, "missed") == []


def test_both_answer_at_once(apps: People) -> None:
    """One is connected, the other falls silent; nobody loses the call."""
    apps.anna.run(_DIAL, apps.ben.address)
    for app in (apps.ben, apps.ben_too):
        app.hears("dial", apps.anna.address)
    accept = """
        setTimeout(() => {
            window.accepted = ringing.accept().then(() => 'open', ({ code }) => code);
        }, arguments[0] - Date.now());
    """

    at = time.time() * 1000 + 500
    for app in (apps.ben, apps.ben_too):
        app.page.evaluate(accept, at)
    time.sleep(1)  # another script would end what this one has begun

    assert apps.anna.run("dialling") == "open"
    ends = [app.page.wait_until("return await window.accepted") for app in (apps.ben, apps.ben_too)]
    assert sorted(ends) == ["answered_elsewhere", "open"]
    apps.anna.run("peer.send('to whom?')")
    winner = (apps.ben, apps.ben_too)[ends.index("open")]
    winner.hears("message", "to whom?")


def test_a_caller_who_gives_up_is_missed_on_all(apps: People) -> None:
    """Nobody has answered: each device says so."""
    apps.anna.attempt("whisper.dial(arguments[0], { timeout: 500 }).then(() => 0)", apps.ben.address)

    for app in (apps.ben, apps.ben_too):
        app.hears("missed", apps.anna.address)


def test_a_connection_goes_on_with_its_device(apps: People) -> None:
    """Each side knows the other's device, so that a reconnection rings nowhere else."""
    apps.anna.run(_DIAL, apps.ben.address)
    apps.ben_too.hears("dial", apps.anna.address)
    apps.ben_too.run("(ringing.accept(), 0)")
    assert apps.anna.run("dialling") == "open"
    devices = apps.ben_too.run("whisper.devices()")

    (own,) = [each["id"] for each in devices if each["isThis"]]
    assert apps.anna.run("peer.device") == own


def test_a_device_can_be_ended_by_another(apps: People, push_process: PushServiceProcess) -> None:
    """It rings no more; its next start makes it one again."""
    (other,) = [each for each in apps.ben.run("whisper.devices()") if not each["isThis"]]
    apps.ben.run("whisper.endDevice(arguments[0])", other["id"])
    push_process.clear()

    apps.anna.run(_DIAL, apps.ben.address)
    apps.ben.hears("dial", apps.anna.address)
    apps.ben.run("(ringing.accept(), 0)")
    assert apps.anna.run("dialling") == "open"

    assert push_process.taken == 3
    assert notes(apps.ben_too, "dial") == []
    apps.ben_too.run("whisper.update()")
    wait_until(lambda: len(apps.ben.run("whisper.devices()")) == 2)
