"""A user of the app in a Chromium, who may look away, close the page and come back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.browser.drivers.chromium import CHROMIUM, Chromium, chromium
from tests.browser.drivers.chromium_tab import Tab
from tests.browser.drivers.page import wait_until
from tests.browser.drivers.push_bridge import bridged
from tests.browser.users.user import User
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed

_NOTIFICATIONS = """
    const shown = await registration.getNotifications();
    return shown.map(({ title, body }) => `${title}: ${body}`);
"""
_FORGET_NOTIFICATIONS = "for (const shown of await registration.getNotifications()) shown.close()"

# Whether the key can be taken out, what is written, and what the key makes of it.
STORED_CHATS = """
    const wait = (request) => new Promise((done) => { request.onsuccess = () => done(request.result); });
    const database = await wait(indexedDB.open('whisper-talks'));
    const at = (name) => database.transaction(name).objectStore(name);
    const keys = await wait(at('keys').getAll());
    const names = [...(await wait(at('talks').getAllKeys())), ...(await wait(at('entries').getAllKeys()))];
    const chats = [...(await wait(at('talks').getAll())), ...(await wait(at('entries').getAll()))];
    database.close();
    const plain = [];
    for (const [at, name] of names.entries()) {
        const { iv, data } = chats[at];
        const gcm = { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(name) };
        plain.push(await crypto.subtle.decrypt(gcm, keys[0], data));
    }
    const text = (all) => all.map((each) => new TextDecoder().decode(each)).join();
    return [keys[0].extractable, text(chats.map(({ data }) => data)), text(plain)];
"""

_DROPPED = """
    document.getElementById('open-settings').click();
    const text = document.getElementById('dropped').textContent;
    document.getElementById('settings-close').click();
    return text;
"""


class ChromiumUser(User):
    """A user with calls turned on."""

    page: Tab

    def __init__(self, browser: Chromium, url: str) -> None:
        super().__init__(browser.open(url))
        self.browser = browser
        self.url = url
        User.new(self.page)

    def looks(self) -> None:
        """Have a page in front, the one that is open or a new one."""
        if self.browser.tabs > 1:
            self.page.show()
        else:
            self.page = self.browser.open(self.url)
        self.page.see("#my-status", "You")

    def starts_over(self) -> None:
        """Have a fresh page in front, in the place of the one that is open."""
        if self.browser.tabs > 1:
            self.page.goto(self.url)
        self.looks()

    def looks_away(self) -> None:
        """Let another tab be in front."""
        self.browser.show_blank()
        self.page.wait_until("return document.visibilityState === 'hidden'")

    def leaves(self) -> None:
        """Close every page."""
        self.browser.close_tabs()

    def keeps(self, text: str) -> None:
        """Wait until *text* is stored with the chats."""
        wait_until(lambda: text in self.page.evaluate(STORED_CHATS)[2])

    @property
    def dropped(self) -> dict[str, int]:
        """How many pushes were not believed, by reason, as the settings of an open page say it."""
        said = self.page.evaluate(_DROPPED)
        return {reason: int(count) for reason, count in re.findall(r"([a-z][a-z ]*): (\d+)", said)}

    @property
    def notifications(self) -> list[str]:
        """The notifications that are seen, as `title: body`.

        Not to be asked for while one is about to be shown: Chromium may take that for one that is gone.
        """
        shown: list[str] = self.browser.in_worker(self.url, _NOTIFICATIONS)
        return shown

    def forgets_notifications(self) -> None:
        """Close every notification."""
        self.browser.in_worker(self.url, _FORGET_NOTIFICATIONS)

    def gets(self, text: str) -> None:
        """Get a push with *text*, without a push service; and wait until the worker has done with it."""
        before = len(self.browser.handled)
        self.browser.deliver_push(self.url, text)
        [how] = wait_until(lambda: self.browser.handled[before:])
        assert how == "Success"


@contextmanager
def bridged_chromium(
    deployment: Deployment, push_service: PushServiceProcess, *options: str
) -> Iterator[Chromium]:
    """Run a Chromium, with these *options*, whose pages subscribe at the local push service."""
    with (
        chromium(installed(CHROMIUM), *options) as running,
        bridged(running, deployment.url, push_service.websocket_url),
    ):
        yield running


@contextmanager
def at_chromium(
    deployment: Deployment, push_service: PushServiceProcess, *options: str
) -> Iterator[ChromiumUser]:
    """Give somebody new a Chromium, with these *options*, until the block ends."""
    with bridged_chromium(deployment, push_service, *options) as running:
        yield ChromiumUser(running, deployment.url)
