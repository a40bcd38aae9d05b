"""A user of the app in a Firefox, who may close the page and come back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.browser.drivers.firefox import FIREFOX, Firefox, firefox
from tests.browser.users.user import User
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed


class FirefoxUser(User):
    """A user with calls turned on."""

    def __init__(self, browser: Firefox, url: str) -> None:
        super().__init__(browser.open(url))
        self.browser = browser
        self.url = url
        User.new(self.page)

    def looks(self) -> None:
        """Have a new page in front."""
        self.page = self.browser.open(self.url)
        self.page.see("#my-address")

    def leaves(self) -> None:
        """Close every page."""
        self.browser.close_tabs()

    def comes_back_to(self, url: str) -> None:
        """Be at the page that has been opened for them."""
        self.page = self.browser.tab_at(url)


@contextmanager
def at_firefox(
    deployment: Deployment,
    push_service: PushServiceProcess,
    preferences: Mapping[str, bool | int] | None = None,
) -> Iterator[FirefoxUser]:
    """Give somebody new a Firefox, with these *preferences*, until the block ends."""
    with firefox(installed(FIREFOX), push_service.websocket_url, preferences or {}) as running:
        yield FirefoxUser(running, deployment.url)
