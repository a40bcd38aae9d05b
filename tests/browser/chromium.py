"""Chromium, driven by Playwright. Its push service is Google's: DevTools push to its workers instead."""

import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, WebError, sync_playwright
from playwright.sync_api import Page as PlaywrightPage

from tests.browser.page import LOOK_EVERY_S, PATIENCE_S, Page, ScriptFailed, wait_until

T = TypeVar("T")

OPTIONS = [
    # WebRTC on one machine, with a camera and a microphone that are not there.
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


class Thread:
    """Where Playwright lives: its event loop would be in the way of those of other tests."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1)

    def do(self, work: Callable[[], T]) -> T:
        """Do *work* there, and return what it returns."""
        return self._executor.submit(work).result(4 * PATIENCE_S)

    def end(self) -> None:
        """End it."""
        self._executor.shutdown()


class Tab(Page):
    """A tab of Chromium."""

    def __init__(self, thread: Thread, page: PlaywrightPage) -> None:
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
        call = f"""
            given => Promise.race([
                (async function () {{ {script} }}).apply(null, given),
                new Promise((_, fail) => setTimeout(fail, {PATIENCE_S * 1000}, 'it did not end')),
            ])
        """
        try:
            return self._thread.do(lambda: self._page.evaluate(call, list(arguments)))
        except Error as error:
            raise ScriptFailed(error.message) from None

    def screenshot(self, file: Path) -> None:
        """Write a PNG of what is seen."""
        self._thread.do(lambda: self._page.screenshot(path=file))

    def _click(self, css: str) -> None:
        self._thread.do(lambda: self._page.click(css))

    def _type(self, css: str, text: str) -> None:
        is_file = self.evaluate("return document.querySelector(arguments[0]).type === 'file'", css)
        if is_file:
            self._thread.do(lambda: self._page.set_input_files(css, text))
        else:
            self._thread.do(lambda: self._page.fill(css, text))


class Chromium:
    """A Chromium of somebody who has never used one."""

    def __init__(self, thread: Thread, context: BrowserContext) -> None:
        self._thread = thread
        self._context = context
        self._errors: list[str] = []
        thread.do(self._listen)

    def open(self, url: str) -> Tab:
        """Open *url* in a new tab."""
        tab = Tab(self._thread, self._thread.do(self._context.new_page))
        tab.goto(url)
        return tab

    def deliver_push(self, origin: str, message: object) -> None:
        """Hand the worker of *origin* a push with *message* as JSON, as a push service would."""
        self._thread.do(lambda: self._deliver(origin, json.dumps(message)))

    @property
    def errors(self) -> list[str]:
        """What went wrong in pages and workers: exceptions, breaches of the policy, errors on the console."""
        self._thread.do(lambda: self._context.pages[0].wait_for_timeout(100))  # events come while it is asked
        return self._errors.copy()

    def _listen(self) -> None:
        self._context.set_default_timeout(PATIENCE_S * 1000)
        self._context.on("console", self._on_console)
        self._context.on("weberror", self._on_error)

    def _deliver(self, origin: str, data: str) -> None:
        page = self._context.pages[0]
        devtools = self._context.new_cdp_session(page)
        workers: dict[str, str] = {}

        def note(event: dict[str, list[dict[str, str]]]) -> None:
            workers.update({each["scopeURL"]: each["registrationId"] for each in event["registrations"]})

        def look() -> str | None:
            page.wait_for_timeout(LOOK_EVERY_S * 1000)  # events come while it waits
            return next((number for scope, number in workers.items() if scope.startswith(origin)), None)

        devtools.on("ServiceWorker.workerRegistrationUpdated", note)
        devtools.send("ServiceWorker.enable")
        push = {"origin": origin, "registrationId": wait_until(look), "data": data}
        devtools.send("ServiceWorker.deliverPushMessage", push)
        devtools.detach()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append(f"{message.location['url']}: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self._errors.append(str(error.error))


@contextmanager
def chromium(binary: str) -> Iterator[Chromium]:
    """Run a new Chromium until the block ends."""
    thread = Thread()
    with tempfile.TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True) as profile:
        playwright = thread.do(sync_playwright().start)
        try:
            context = thread.do(
                lambda: playwright.chromium.launch_persistent_context(
                    profile, executable_path=binary, args=OPTIONS, permissions=["notifications"]
                )
            )
            try:
                yield Chromium(thread, context)
            finally:
                thread.do(context.close)
        finally:
            thread.do(playwright.stop)
            thread.end()
