"""Start of the client: one identity for an origin and one client for a page. In a Firefox."""

from collections.abc import Iterator

import pytest

from tests.browser.drivers.firefox import FIREFOX, Firefox, firefox
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed

_START = """
    const { Whisper } = await import('/js/whisper.js');
    const start = () => Whisper.start({ worker: '/sw.js' });
"""
_DELETE = """
    await new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase('whisper');
        request.onsuccess = resolve;
        request.onerror = reject;
    });
"""


@pytest.fixture(scope="module")
def browser(push_process: PushServiceProcess) -> Iterator[Firefox]:
    """Run a Firefox."""
    with firefox(installed(FIREFOX), push_process.websocket_url) as running:
        yield running


@pytest.fixture
def blank(browser: Firefox, deployment: Deployment) -> str:
    """Return a page of the origin in which nothing runs, in a browser that keeps nothing."""
    browser.close_tabs()
    page = browser.open(f"{deployment.url}/js/whisper.js")
    page.evaluate(_DELETE)
    page.close()
    return f"{deployment.url}/js/whisper.js"


def test_two_starts_at_once_are_one_client(browser: Firefox, blank: str) -> None:
    """The same promise, the same object."""
    page = browser.open(blank)

    same = page.evaluate(f"""{_START}
        const [one, other] = await Promise.all([start(), start()]);
        return one === other && one === (await start());
    """)

    assert same is True


def test_other_options_are_refused(browser: Firefox, blank: str) -> None:
    """A second client would answer as well; nobody gets one for another server in silence."""
    page = browser.open(blank)

    code = page.evaluate(f"""{_START}
        await start();
        return Whisper.start({{ server: '/elsewhere', worker: '/sw.js' }}).catch(({{ code }}) => code);
    """)

    assert code == "already_started"


def test_a_component_that_is_mounted_twice_keeps_its_client(browser: Firefox, blank: str) -> None:
    """As React's StrictMode does: mounted, unmounted, mounted; the last unmounting stops it."""
    page = browser.open(blank)

    told = page.evaluate(f"""{_START}
        const first = start();
        const unmounted = first.then((client) => client.stop());
        const client = await start();
        await unmounted;
        const runs = await client.update().then(() => 'runs', ({{ code }}) => code);
        await client.stop();
        return [runs, await client.update().then(() => 'runs', ({{ code }}) => code)];
    """)

    assert told == ["runs", "stopped"]


def test_two_windows_at_once_are_one_address(browser: Firefox, blank: str) -> None:
    """In a new profile, as when a browser opens its tabs again."""
    pages = [browser.open(blank) for _ in range(2)]
    for page in pages:
        page.evaluate(f"""{_START}
            window.starting = start().then(({{ address }}) => address);
        """)
    addresses = [page.evaluate("return await starting") for page in pages]

    assert addresses[0] == addresses[1]


def test_an_identity_that_was_deleted_is_missed(browser: Firefox, blank: str) -> None:
    """At the next use, by its name; and another start makes another."""
    page = browser.open(blank)
    told = page.evaluate(f"""{_START}
        const lost = await start();
        {_DELETE}
        const code = await lost.dial(lost.address).catch(({{ code }}) => code);
        const other = await start();
        await other.update();
        return [code, other === lost, other.address === lost.address];
    """)

    assert told == ["identity_changed", False, False]
