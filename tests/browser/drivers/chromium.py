"""Chromium, driven by Playwright. Its push service is Google's: DevTools push to its workers instead."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    CDPSession,
    ConsoleMessage,
    Dialog,
    WebError,
)

from tests.browser.drivers.chromium_process import run_chromium, run_playwright
from tests.browser.drivers.chromium_tab import WITH_ARGUMENTS, PlaywrightThread, Tab
from tests.browser.drivers.page import PATIENCE_S, wait_until
from tests.browser.drivers.pool import lend

CHROMIUM = "chromium"

# What DevTools report comes while a page is asked to wait.
_LOOK_MS = 20


class Chromium:
    """A Chromium of somebody who has never used one."""

    def __init__(self, thread: PlaywrightThread, context: BrowserContext, downloads: Path) -> None:
        self._thread = thread
        self._context = context
        self._origins: set[str] = set()
        self._errors: list[str] = []
        self._workers: dict[str, str] = {}
        self._handled: list[str] = []
        self._devtools = thread.do(self._listen)
        self.downloads = downloads

    def open(self, url: str) -> Tab:
        """Open *url* in a new tab, in front of the others."""
        self._origins.add("/".join(url.split("/")[:3]))
        tab = Tab(self._thread, self._thread.do(self._context.new_page))
        tab.goto(url)
        return tab

    @property
    def tabs(self) -> int:
        """How many tabs there are, with the empty one that it started with."""
        return self._thread.do(lambda: len(self._context.pages))

    def show_blank(self) -> None:
        """Bring the empty tab that it started with to the front."""
        self._thread.do(self._context.pages[0].bring_to_front)

    def close_tabs(self) -> None:
        """Close every tab but the empty one."""
        for page in self._thread.do(lambda: self._context.pages[1:]):
            self._thread.do(page.close)

    def prepare(self, name: str, answer: Callable[..., object], script: str) -> None:
        """Let every new page ask *answer* by the function *name*, and run *script* before it loads."""
        self._thread.do(lambda: self._context.expose_function(name, answer))
        self._thread.do(lambda: self._context.add_init_script(script))

    def deliver_push(self, origin: str, text: str) -> None:
        """Hand the worker of *origin* a push with *text*, as a push service would."""
        self._thread.do(lambda: self._deliver(origin, text))

    @property
    def handled(self) -> list[str]:
        """How a worker ended each push that it was handed: `Success`, or what went wrong."""
        self._thread.do(self._hear)
        return self._handled.copy()

    def in_worker(self, origin: str, script: str) -> Any:
        """Run the body of an async function in the worker of *origin*; return what it returns."""

        def work() -> Any:
            workers = [each for each in self._context.service_workers if each.url.startswith(origin)]
            return workers[-1].evaluate(WITH_ARGUMENTS % script, [])

        return self._thread.do(work)

    def go_offline(self, *, offline: bool) -> None:
        """Cut the network off, or give it back."""
        self._thread.do(lambda: self._context.set_offline(offline))

    def set_notifications(self, setting: str) -> None:
        """Let every site notify (`granted`), not notify (`denied`), or ask again (`prompt`)."""
        self.set_permission("notifications", setting)

    def set_permission(self, name: str, setting: str) -> None:
        """Let every site have a permission (`granted`), not have it (`denied`), or ask again (`prompt`)."""
        permission = {"permission": {"name": name}, "setting": setting}
        self._thread.do(lambda: self._devtools.send("Browser.setPermission", permission))

    @property
    def errors(self) -> list[str]:
        """What went wrong in pages and workers: exceptions, breaches of the policy, errors, dialogs."""
        self._thread.do(self._hear)
        return self._errors.copy()

    def clear(self) -> None:
        """Forget all that its user has done, as if nobody had ever used it."""
        self.close_tabs()
        self._thread.do(self._clear)
        shutil.rmtree(self.downloads, ignore_errors=True)

    def _clear(self) -> None:
        for origin in self._origins:
            self._devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        self._devtools.send("Network.clearBrowserCache")
        self._devtools.send("BackgroundService.clearEvents", {"service": "pushMessaging"})
        self._devtools.send("Browser.resetPermissions")

    def _listen(self) -> CDPSession:
        self._context.set_default_timeout(PATIENCE_S * 1000)
        self._context.on("console", self._on_console)
        self._context.on("weberror", self._on_error)
        self._context.on("dialog", self._on_dialog)
        devtools = self._context.new_cdp_session(self._context.pages[0])
        devtools.on("ServiceWorker.workerRegistrationUpdated", self._on_workers)
        devtools.send("ServiceWorker.enable")
        devtools.on("BackgroundService.backgroundServiceEventReceived", self._on_push)
        devtools.send("BackgroundService.setRecording", {"service": "pushMessaging", "shouldRecord": True})
        devtools.send("BackgroundService.startObserving", {"service": "pushMessaging"})
        return devtools

    def _hear(self) -> None:
        self._context.pages[0].wait_for_timeout(_LOOK_MS)

    def _deliver(self, origin: str, text: str) -> None:
        def look() -> str | None:
            self._hear()
            return next((number for scope, number in self._workers.items() if scope.startswith(origin)), None)

        push = {"origin": origin, "registrationId": wait_until(look), "data": text}
        self._devtools.send("ServiceWorker.deliverPushMessage", push)

    def _on_workers(self, event: dict[str, list[dict[str, str]]]) -> None:
        for each in event["registrations"]:
            self._workers[each["scopeURL"]] = each["registrationId"]

    def _on_push(self, report: dict[str, dict[str, Any]]) -> None:
        event = report["backgroundServiceEvent"]
        if event["eventName"] == "Push event completed":
            self._handled.extend(each["value"] for each in event["eventMetadata"])

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append(f"{message.location['url']}: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self._errors.append(str(error.error))

    def _on_dialog(self, dialog: Dialog) -> None:
        self._errors.append(f"a dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def chromium(binary: str, *options: str) -> Iterator[Chromium]:
    """Lend a Chromium, with more *options*, until the block ends; it is cleared for the next."""
    with lend((binary, *options), partial(run_chromium, binary, *options)) as place, _join(*place) as running:
        yield running
        running.clear()


@contextmanager
def new_chromium(binary: str) -> Iterator[Chromium]:
    """Run a Chromium that has no connection open, until the block ends."""
    with run_chromium(binary) as place, _join(*place) as running:
        yield running


@contextmanager
def _join(url: str, downloads: Path) -> Iterator[Chromium]:
    """Let Playwright join a Chromium.

    It does not start it: it would keep every page in sight, and none could be hidden.
    """
    with lend(("playwright",), run_playwright) as (thread, playwright):
        browser = thread.do(lambda: playwright.chromium.connect_over_cdp(url, no_defaults=True))
        try:
            context = thread.do(lambda: _set_up(browser, downloads))
            yield Chromium(thread, context, downloads)
        finally:
            thread.do(browser.close)


def _set_up(browser: Browser, downloads: Path) -> BrowserContext:
    devtools = browser.new_browser_cdp_session()
    devtools.send("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    context = browser.contexts[0]
    context.grant_permissions(["notifications"])
    return context
