"""A user of the app in a browser: what a person does and sees there."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.browser.drivers.page import PATIENCE_S, Page


class User:
    """A user at a page of the app, with calls turned on."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    def new(cls, page: Page) -> "User":
        """Let somebody new turn calls on, by the one button."""
        page.click("#turn-on")
        page.see("#my-address", seconds=2 * PATIENCE_S)
        return cls(page)

    @property
    def address(self) -> str:
        """Their address."""
        address: str = self.page.wait_until("return document.getElementById('my-address').dataset.address")
        return address

    @property
    def route(self) -> str:
        """How the connection runs, as the tip of its state says."""
        route: str = self.page.wait_until("return document.getElementById('route').title")
        return route

    def rings(self, address: str) -> None:
        """Open somebody's link, and ring them."""
        self.finds(address)
        self.page.click("#ring")

    def finds(self, address: str) -> None:
        """Open somebody's link."""
        self.page.evaluate("location.hash = encodeURIComponent(arguments[0])", address)
        self.page.see("#ring")

    @property
    def is_rung(self) -> bool:
        """Whether a call rings in the page."""
        return bool(self.page.evaluate("return document.getElementById('accept').checkVisibility()"))

    def accepts(self) -> None:
        """Accept the call that rings, by its button."""
        self.page.click("#accept")

    def talks(self) -> None:
        """Wait until there is a connection."""
        self.page.see('#chat[data-phase="open"] #chat-name')

    def does_not_talk(self) -> None:
        """Wait until there is none."""
        self.page.see("#ring")

    def writes(self, text: str) -> None:
        """Send a message."""
        self.page.type("#message", text)
        self.page.click("#send")

    def reads(self, text: str) -> None:
        """Wait for a message of the other."""
        self.page.see(".theirs", text)

    def sends(self, file: Path) -> None:
        """Send a file."""
        self.page.choose("#file", file)

    def hangs_up(self) -> None:
        """End the call."""
        self.page.click("#hang-up")


def connect(caller: User, called: User) -> None:
    """Let *caller* ring *called*, who accepts."""
    caller.rings(called.address)
    called.accepts()
    caller.talks()
    called.talks()


# Gives somebody new a browser, until its block ends.
NewUser = Callable[[], AbstractContextManager[User]]
