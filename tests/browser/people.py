"""Somebody with a browser and the app in it, as a person sees it."""

from pathlib import Path

from tests.browser.firefox import Firefox
from tests.browser.page import PATIENCE_S, Page


class Someone:
    """A person at a page of the app, who has turned calls on."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    def new(cls, page: Page) -> "Someone":
        """Let somebody new turn calls on, by the one button."""
        page.click("#turn-on")
        page.see("#my-address", seconds=2 * PATIENCE_S)
        return cls(page)

    @property
    def address(self) -> str:
        """Their address."""
        self.page.click("#open-settings")
        address = self.page.text("#full-address")
        self.page.click("#settings-close")
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

    def accepts(self) -> None:
        """Accept the call that rings, by its button."""
        self.page.click("#accept")

    def talks(self) -> None:
        """Wait until there is a connection."""
        self.page.see('#talk[data-phase="open"] #talk-name')

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


class Resident(Someone):
    """Somebody at a Firefox, who may close the page and come back."""

    def __init__(self, firefox: Firefox, page: Page) -> None:
        super().__init__(page)
        self.firefox = firefox

    def leaves(self) -> None:
        """Close every page."""
        self.firefox.close_tabs()

    def comes_back_to(self, url: str) -> None:
        """Be at the page that has been opened for them."""
        self.page = self.firefox.tab_at(url)
