"""A tab of Chromium, by Playwright."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Error
from playwright.sync_api import Page as PlaywrightPage

from tests.browser.drivers.page import PATIENCE_S, Page, ScriptFailed

T = TypeVar("T")

# A function of a list, of the body of one of `arguments`.
WITH_ARGUMENTS = f"""
    given => Promise.race([
        (async function () {{ %s }}).apply(null, given),
        new Promise((_, fail) => setTimeout(fail, {PATIENCE_S * 1000}, 'it did not end')),
    ])
"""


class PlaywrightThread:
    """Thread of Playwright: its event loop would be in the way of those of other tests."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1)

    def do(self, work: Callable[[], T]) -> T:
        """Do *work* there, and return what it returns."""
        return self._executor.submit(work).result(4 * PATIENCE_S)

    def end(self) -> None:
        """End it."""
        self._executor.shutdown()


class Tab(Page):
    """A tab of Chromium; it comes to the front when it is clicked or written in."""

    def __init__(self, thread: PlaywrightThread, page: PlaywrightPage) -> None:
        self._thread = thread
        self._page = page

    def goto(self, url: str) -> None:
        """Go to *url*, and wait until it has loaded."""
        self._thread.do(lambda: self._page.goto(url))

    def reload(self) -> None:
        """Load it again."""
        self._thread.do(self._page.reload)

    def close(self) -> None:
        """Close the tab."""
        self._thread.do(self._page.close)

    def evaluate(self, script: str, *arguments: object) -> Any:
        """Run the body of an async function in the page; return what it returns, which must be JSON."""
        try:
            return self._thread.do(lambda: self._page.evaluate(WITH_ARGUMENTS % script, list(arguments)))
        except Error as error:
            raise ScriptFailed(error.message) from None

    def screenshot(self, file: Path) -> None:
        """Write a PNG of what is seen."""
        self._thread.do(lambda: self._page.screenshot(path=file))

    def show(self) -> None:
        """Bring it to the front."""
        self._thread.do(self._page.bring_to_front)

    def resize(self, width: int, height: int) -> None:
        """Let the window be so large, in CSS pixels."""
        self._thread.do(lambda: self._page.set_viewport_size({"width": width, "height": height}))

    def darken(self, *, dark: bool) -> None:
        """Prefer dark colours, or light ones; and no motion, so that what is seen has settled."""
        scheme: Any = "dark" if dark else "light"
        self._thread.do(lambda: self._page.emulate_media(color_scheme=scheme, reduced_motion="reduce"))

    def prefer(self, **features: Any) -> None:
        """Prefer what CSS media features ask for: `reduced_motion`, `forced_colors`."""
        self._thread.do(lambda: self._page.emulate_media(**features))

    def press(self, *keys: str) -> None:
        """Press keys, or type characters, where the focus is."""
        self.show()

        def work() -> None:
            for key in keys:
                self._page.keyboard.press(key)

        self._thread.do(work)

    def choose_option(self, css: str, value: str) -> None:
        """Choose the option with *value* of a list."""
        self.see(css)
        self._thread.do(lambda: self._page.select_option(css, value))

    def throttle(self, latency_ms: float, bits_per_s: float) -> None:
        """Let each request wait so long, and the network carry so much, as DevTools do."""
        speed = bits_per_s / 8
        conditions: dict[str, Any] = {"offline": False, "latency": latency_ms}
        conditions |= {"downloadThroughput": speed, "uploadThroughput": speed}

        def send() -> None:
            devtools = self._page.context.new_cdp_session(self._page)
            devtools.send("Network.enable")
            devtools.send("Network.emulateNetworkConditions", conditions)

        self._thread.do(send)

    def _click(self, css: str) -> None:
        self.show()
        self._thread.do(lambda: self._page.click(css))

    def _type(self, css: str, text: str) -> None:
        self.show()
        is_file = self.evaluate("return document.querySelector(arguments[0]).type === 'file'", css)
        if is_file:
            self._thread.do(lambda: self._page.set_input_files(css, text))
        else:
            self._thread.do(lambda: self._page.fill(css, text))
