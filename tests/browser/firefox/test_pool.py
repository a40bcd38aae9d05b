"""Pool of browsers: what one user leaves behind, the next does not find."""

from tests.browser.drivers.chromium import CHROMIUM, chromium
from tests.browser.drivers.firefox import FIREFOX, firefox
from tests.browser.users.chromium_user import at_chromium
from tests.browser.users.firefox_user import at_firefox
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed

_LEFT = """
    const databases = await indexedDB.databases();
    const workers = await navigator.serviceWorker.getRegistrations();
    return [databases.length, Object.keys(localStorage).length, (await caches.keys()).length, workers.length];
"""


def test_the_next_user_of_a_firefox_finds_nothing(
    deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """Neither keys nor chats, settings, pages that are kept, or the worker."""
    with at_firefox(deployment, push_process) as user:
        user.page.evaluate("localStorage.setItem('whisper.keep', 'close')")
        left = user.page.evaluate(_LEFT)

    with firefox(installed(FIREFOX), push_process.websocket_url) as browser:
        found = browser.open(f"{deployment.url}/js/whisper.js").evaluate(_LEFT)

    assert browser is user.browser
    assert all(left)
    assert not any(found)


def test_the_next_user_of_a_chromium_finds_nothing(
    deployment: Deployment, push_process: PushServiceProcess
) -> None:
    """Neither keys nor chats, settings, pages that are kept, or the worker."""
    with at_chromium(deployment, push_process) as user:
        user.page.evaluate("localStorage.setItem('whisper.keep', 'close')")
        left = user.page.evaluate(_LEFT)

    with chromium(installed(CHROMIUM)) as browser:
        found = browser.open(f"{deployment.url}/js/whisper.js").evaluate(_LEFT)

    assert browser.downloads == user.browser.downloads
    assert all(left)
    assert not any(found)
