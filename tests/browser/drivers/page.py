"""A page in a browser, as a person uses it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_S = 30
LOOK_EVERY_S = 0.05

_TEXT = "return document.querySelector(arguments[0])?.innerText ?? null"


class ScriptFailed(Exception):
    """A script threw, or its page was left before it ended."""


class Page(ABC):
    """A tab. Elements are named by CSS selectors; whatever is not there yet is waited for."""

    @abstractmethod
    def goto(self, url: str) -> None:
        """Go to *url*, and wait until it has loaded."""

    @abstractmethod
    def reload(self) -> None:
        """Load it again."""

    @abstractmethod
    def close(self) -> None:
        """Close the tab."""

    @abstractmethod
    def evaluate(self, script: str, *arguments: object) -> Any:
        """Run the body of an async function in the page; return what it returns, which must be JSON.

        Raise `ScriptFailed` when it throws.
        """

    @abstractmethod
    def screenshot(self, file: Path) -> None:
        """Write a PNG of what is seen."""

    @abstractmethod
    def _click(self, css: str) -> None:
        """Click the element *css*, which is there."""

    @abstractmethod
    def _type(self, css: str, text: str) -> None:
        """Type into the element *css*, which is there; into a file input, the path of a file."""

    @property
    def url(self) -> str:
        """Where it is."""
        url: str = self.evaluate("return location.href")
        return url

    def click(self, css: str) -> None:
        """Click an element."""
        self.see(css)
        self._click(css)

    def type(self, css: str, text: str) -> None:
        """Put *text* into a field, instead of what is in it."""
        self.see(css)
        self._type(css, text)

    def choose(self, css: str, file: Path) -> None:
        """Choose *file* in a file input, which need not be seen."""
        self.wait_until("return document.querySelector(arguments[0]) !== null", css)
        self._type(css, str(file))

    def text(self, css: str) -> str:
        """Return the text that is seen in an element."""
        self.see(css)
        text: str = self.evaluate(_TEXT, css)
        return text

    def see(self, css: str, text: str = "", seconds: float = PATIENCE_S) -> None:
        """Wait until an element is seen, with *text* in it."""
        script = """
            return [...document.querySelectorAll(arguments[0])].some(
                element => element.checkVisibility() && element.innerText.includes(arguments[1])
            );
        """
        try:
            self.wait_until(script, css, text, seconds=seconds)
        except TimeoutError:
            shown = self.evaluate("return document.body.innerText")
            raise AssertionError(f"no {css} with {text!r} in:\n{shown}") from None

    def wait_until(self, script: str, *arguments: object, seconds: float = PATIENCE_S) -> Any:
        """Run *script* as `evaluate` does until it returns what is true, and return that."""

        def look() -> Any:
            try:
                return self.evaluate(script, *arguments)
            except ScriptFailed:  # while a page is left for another
                return None

        return wait_until(look, seconds)


def wait_until(look: Callable[[], T | None], seconds: float = PATIENCE_S) -> T:
    """Call *look* until it returns what is true, and return that. Raise `TimeoutError` after *seconds*."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(LOOK_EVERY_S)
    return found
