"""A user of the app in a Firefox, who may close the page and come back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

from tests.browser.drivers.firefox import FIREFOX, Firefox, firefox
from tests.browser.users.user import User
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed

_IS_CONNECTED = (
    "return document.querySelector('#chat[data-phase=open] #chat-name')?.checkVisibility() ?? false"
)
_HAS_CALL = """
    const buttons = document.querySelectorAll('#accept, #cancel, #hang-up, #end-call');
    return [...buttons].some((each) => each.checkVisibility());
"""


class FirefoxUser(User):
    """A user with calls turned on."""

    def __init__(self, browser: Firefox, url: str) -> None:
        super().__init__(browser.open(url))
        self.browser = browser
        self.url = url
        User.new(self.page)

    @cached_property
    def address(self) -> str:
        """Their address, which stays the same: the settings are opened once to read it."""
        return super().address

    @property
    def is_connected(self) -> bool:
        """Whether a page has a connection."""
        return any(tab.evaluate(_IS_CONNECTED) for tab in self.browser.tabs)

    @property
    def has_call(self) -> bool:
        """Whether a call rings or goes on in a page."""
        return any(tab.evaluate(_HAS_CALL) for tab in self.browser.tabs)

    def looks(self) -> None:
        """Have a new page in front."""
        self.page = self.browser.open(self.url)
        self.page.see("#my-address")

    def starts_over(self) -> None:
        """Have a fresh page in front, and no other."""
        self.leaves()
        self.looks()

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
