"""Start of the app at once, with a network or without, and the notice of a new version."""

from collections.abc import Iterator

import httpx
import pytest

from bench.page_load import IS_KEPT, LOADED, suspend
from tests.browser.drivers.page import PATIENCE_S
from tests.browser.users.chromium_user import ChromiumUser, at_chromium
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import Program

# The bar is 0.5 s on a machine that does nothing else; what is refused here is a wait for the network.
SOON_S = 15

_LOADS = "return performance.getEntriesByType('resource').map(({ name }) => name)"
# As if the server had another version: the worker finds a list with another hash.
_NEW_VERSION = """
    const [name] = await caches.keys();
    const old = await caches.open(name);
    const other = await caches.open('whisper-shell-old');
    for (const request of await old.keys()) await other.put(request, await old.match(request));
    await caches.delete(name);
"""
# Behind the list that the worker has asked for while the server hung.
_WAIT_FOR_SERVER = "await fetch('/shell.json', { cache: 'no-store' })"
_VERSIONS = "return (await caches.keys()).length"


@pytest.fixture(name="ben", scope="module")
def _ben(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[ChromiumUser]:
    """Return somebody who has turned calls on, and whose browser has kept the page."""
    with at_chromium(deployment, push_process) as person:
        person.page.wait_until(IS_KEPT)
        yield person


def test_everything_that_the_page_loads_is_kept(ben: ChromiumUser) -> None:
    """By the word of a browser, whatever the files say; and no more than that is asked for."""
    ben.page.reload()
    ben.page.see("#my-address")
    kept = httpx.get(f"{ben.url}/shell.json").json()["files"]

    loaded = {url.removeprefix(f"{ben.url}/") for url in ben.page.evaluate(_LOADS)}

    assert {name for name in loaded if "." in name} <= kept.keys()


def test_the_app_opens_without_a_network(ben: ChromiumUser) -> None:
    """It says what is wrong; and works again, by itself, when the network is back."""
    ben.browser.go_offline(offline=True)
    reachable = "return fetch('/livez', { cache: 'no-store' }).then(() => true, () => false)"
    assert ben.browser.in_worker(ben.url, reachable) is False

    ben.page.reload()
    ben.page.see("#alerts", "You are offline")
    ben.page.see("#my-address")
    ben.browser.go_offline(offline=False)

    ben.page.see("#my-status", "You", seconds=2 * PATIENCE_S)
    ben.page.wait_until("return !document.getElementById('alerts').innerText")


def test_the_app_opens_at_once_when_the_server_hangs(
    ben: ChromiumUser, server_process: tuple[Program, Deployment]
) -> None:
    """It answers nobody, and refuses nothing."""
    with suspend(server_process[0]):
        ben.page.reload()

        assert ben.page.evaluate(LOADED)[1] < SOON_S


def test_a_new_version_is_told(ben: ChromiumUser) -> None:
    """The page that is open goes on with the old one until it is loaded again."""
    ben.browser.in_worker(ben.url, _WAIT_FOR_SERVER)
    ben.page.evaluate(_NEW_VERSION)
    ben.page.reload()

    ben.page.see("#alerts", "new version")
    assert ben.page.evaluate(_VERSIONS) == 2
    ben.page.click('[data-code="new-version"] button')

    ben.page.wait_until("return (await caches.keys()).length === 1")
