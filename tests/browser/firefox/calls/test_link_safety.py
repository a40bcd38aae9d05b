"""Link safety: only a click on the page or on its notification rings or accepts, no link and no message.

Any website can lead a visitor to any address of the app, so what is in an address may only select a person.
"""

import time
from collections.abc import Callable

import pytest

from tests.browser.drivers.page import wait_until
from tests.browser.users.firefox_user import FirefoxUser
from tests.deployment import Deployment, PushServiceProcess

# A dial that goes out by itself goes out within that.
MOMENT_S = 1

LINKS = [
    "/#answer={}",  # the fragment of old notifications
    "/?answer={0}#answer={0}",
    "/?answer={}",
    "/#{}",  # a link to a person
    "/index.html#answer={}",
]

# What another script of the origin can say, wherever a page might listen.
_SAY = """
    const address = arguments[0];
    const said = ['answer', 'decline', 'clicked', 'call'].map(whisper => ({
        whisper, address, call: { method: 'dial', sender: address, sentAt: Date.now(), signature: 'x' },
    }));
    const channel = new BroadcastChannel('whisper');
    for (const data of said) {
        window.postMessage(data, '*');
        channel.postMessage(data);
        navigator.serviceWorker.dispatchEvent(new MessageEvent('message', { data }));
    }
    channel.close();
"""

# The click on a notification, as the worker has parked it, so many ms ago.
_PARK = """
    const database = await new Promise((resolve) => {
        indexedDB.open('whisper').onsuccess = (event) => resolve(event.target.result);
    });
    const [address, age] = arguments;
    const transaction = database.transaction('state', 'readwrite');
    transaction.objectStore('state').put({ address, action: 'answer', at: Date.now() - age }, 'clicked');
    await new Promise((resolve) => { transaction.oncomplete = resolve; });
    database.close();
"""

_RINGS_NO_MORE = "return !document.getElementById('accept').checkVisibility()"

Opens = Callable[[str], None]


@pytest.fixture(scope="module", autouse=True)
def mine(anna: FirefoxUser) -> str:
    """Return Anna's address, for which her page is needed: before a test closes it."""
    return anna.address


@pytest.fixture(autouse=True)
def _no_call(
    anna: FirefoxUser,
    ben: FirefoxUser,
    push_process: PushServiceProcess,
    request: pytest.FixtureRequest,
) -> None:
    """Begin without a call, without a page of Anna's, and with no push counted."""
    if anna.has_call or ben.has_call:
        request.getfixturevalue("fresh_pages")
    anna.leaves()
    push_process.clear()


@pytest.fixture
def opens(anna: FirefoxUser, deployment: Deployment) -> Opens:
    """Return what opens the app in Anna's tab at a path, and waits until it is reachable and has settled."""

    def open_at(path: str) -> None:
        [anna.page] = anna.browser.tabs
        anna.page.goto(deployment.url + path)
        anna.page.see("#my-status", "You")
        time.sleep(MOMENT_S)

    return open_at


def escaped(address: str) -> str:
    """Return an address as it stands in a link."""
    return address.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


def test_no_link_dials(address: str, opens: Opens, push_process: PushServiceProcess) -> None:
    """Whoever opens it is called by nobody and calls nobody."""
    for link in LINKS:
        opens(link.format(escaped(address)))

        assert push_process.taken == 0, link


def test_no_link_accepts(anna: FirefoxUser, ben: FirefoxUser, mine: str, address: str, opens: Opens) -> None:
    """A call that rings goes on ringing: the card is there, and the caller waits."""
    ben.rings(mine)
    wait_until(lambda: anna.browser.notifications)

    for link in LINKS:
        opens(link.format(escaped(address)))

        anna.page.see("#accept")
        ben.page.see("#cancel")

    ben.page.click("#cancel")
    anna.page.wait_until(_RINGS_NO_MORE)


def test_a_fragment_that_changes_does_not_dial(
    anna: FirefoxUser, address: str, push_process: PushServiceProcess
) -> None:
    """Of a page that is open, too."""
    anna.looks()

    anna.page.evaluate("location.hash = 'answer=' + encodeURIComponent(arguments[0])", address)
    anna.page.evaluate("location.hash = encodeURIComponent(arguments[0])", address)
    anna.page.see("#ring")
    time.sleep(MOMENT_S)

    assert push_process.taken == 0


def test_what_a_page_is_told_does_not_dial(
    anna: FirefoxUser, address: str, push_process: PushServiceProcess
) -> None:
    """By whatever channel: only the worker of this page is heard, and it names nobody."""
    anna.looks()

    anna.page.evaluate(_SAY, address)
    time.sleep(MOMENT_S)

    assert push_process.taken == 0
    assert not anna.page.evaluate("return document.getElementById('accept').checkVisibility()")


def test_what_a_page_is_told_does_not_accept(
    anna: FirefoxUser, ben: FirefoxUser, mine: str, address: str
) -> None:
    """A call that rings goes on ringing."""
    anna.looks()
    ben.rings(mine)
    anna.page.see("#accept")

    anna.page.evaluate(_SAY, address)
    time.sleep(MOMENT_S)

    anna.page.see("#accept")
    ben.page.see("#cancel")
    ben.page.click("#cancel")
    anna.page.wait_until(_RINGS_NO_MORE)


def test_who_was_connected_is_not_dialled_from_elsewhere(
    anna: FirefoxUser,
    ben: FirefoxUser,
    address: str,
    deployment: Deployment,
    push_process: PushServiceProcess,
) -> None:
    """A reload goes on with a connection; a page that leads back here is no reload."""
    anna.looks()
    anna.rings(address)
    ben.accepts()
    anna.talks()
    anna.page.goto(f"{deployment.url}/js/whisper.js")
    ben.does_not_talk()
    push_process.clear()

    anna.page.goto(deployment.url)
    anna.page.see("#my-status", "You")
    time.sleep(MOMENT_S)

    assert push_process.taken == 0


def test_a_click_on_a_notification_answers_once(
    anna: FirefoxUser,
    ben: FirefoxUser,
    mine: str,
    opens: Opens,
    deployment: Deployment,
    push_process: PushServiceProcess,
) -> None:
    """The page that it opens answers; the next one that is opened calls nobody."""
    ben.rings(mine)
    anna.browser.click_notification(wait_until(lambda: anna.browser.notifications)[0].title)
    anna.comes_back_to(deployment.url)
    ben.talks()
    url = anna.page.url
    ben.hangs_up()
    anna.does_not_talk()
    anna.leaves()
    push_process.clear()

    opens("/")

    assert url == f"{deployment.url}/"
    assert push_process.taken == 0


@pytest.fixture
def parks(anna: FirefoxUser, address: str, deployment: Deployment) -> Callable[[int], None]:
    """Return what parks a click, as the worker does, so many ms ago, while no page is open."""

    def park(age_ms: int) -> None:
        anna.browser.open(f"{deployment.url}/js/whisper.js").evaluate(_PARK, address, age_ms)

    return park


def test_a_click_is_good_for_a_minute(
    anna: FirefoxUser, ben: FirefoxUser, opens: Opens, parks: Callable[[int], None]
) -> None:
    """The call that was clicked is over by then: whoever rang is called back."""
    parks(50_000)

    opens("/")

    ben.page.see("#accept")
    anna.page.click("#cancel")
    ben.page.wait_until(_RINGS_NO_MORE)


@pytest.mark.parametrize("age_ms", [61_000, -55_000], ids=["after a minute", "in the future"])
def test_a_click_is_good_for_no_longer(
    opens: Opens, parks: Callable[[int], None], push_process: PushServiceProcess, age_ms: int
) -> None:
    """Whoever opens the page later has something else in mind."""
    parks(age_ms)

    opens("/")

    assert push_process.taken == 0
