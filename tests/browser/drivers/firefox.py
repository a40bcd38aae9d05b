"""Firefox, driven by Marionette, with the local push service instead of Mozilla's."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from warnings import catch_warnings

import psutil

from tests.browser.drivers.firefox_preferences import PREFERENCES
from tests.browser.drivers.firefox_tab import Tab
from tests.browser.drivers.page import PATIENCE_S, ScriptFailed, wait_until
from tests.browser.drivers.pool import lend
from tests.processes import Program, program

with catch_warnings(action="ignore"):  # its own imports are deprecated ones
    from marionette_driver.by import By
    from marionette_driver.errors import NoSuchElementException, NoSuchWindowException
    from marionette_driver.marionette import Marionette

FIREFOX = "firefox-esr"
_EMPTY = "about:blank"
# Nobody sees the bars around a page: a fifth of the CPU time that it takes.
_STYLE = "#navigator-toolbox { display: none; }"
_CONSOLE_ERROR = "console.error:"

_FAULTS = """
    return Services.console.getMessageArray()
        .filter(each => each instanceof Ci.nsIScriptError && !(each.flags & Ci.nsIScriptError.warningFlag))
        .filter(each => each.category.startsWith('CSP') || each.sourceName.startsWith('http'))
        .map(each => `${each.sourceName}:${each.lineNumber}: ${each.errorMessage}`);
"""

# All that pages have left, and what is still seen of it; workers first, which could write more meanwhile.
_CLEAR = """
    const answer = arguments[0];
    const { ServiceWorkerCleanUp } = ChromeUtils.importESModule(
        'resource://gre/modules/ServiceWorkerCleanUp.sys.mjs'
    );
    for (const shown of Services.wm.getEnumerator('alert:alert')) shown.close();
    Cc['@mozilla.org/notificationStorage;1'].getService(Ci.nsINotificationStorage).deleteAllExcept([]);
    ServiceWorkerCleanUp.removeAll().then(() => {
        Services.clearData.deleteData(Ci.nsIClearDataService.CLEAR_ALL, { onDataDeleted(failed) {
            Services.console.reset();
            answer(failed);
        } });
    });
"""


@dataclass(frozen=True)
class Notification:
    """A notification that is seen."""

    title: str
    body: str
    window: str  # of Firefox's own, which shows it


class Firefox:
    """A Firefox of somebody who has never used one."""

    def __init__(self, marionette: Any, process: Program, downloads: Path) -> None:
        self._marionette = marionette
        self._process = process
        self.downloads = downloads

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Let the whole browser sleep until the block ends, as a closed laptop does."""
        root = psutil.Process(self._process.process.pid)
        family = [root, *root.children(recursive=True)]
        for member in family:
            member.suspend()
        try:
            yield
        finally:
            for member in family:
                member.resume()

    @property
    def tabs(self) -> list[Tab]:
        """Every tab, oldest first."""
        return [Tab(self._marionette, handle) for handle in self._marionette.window_handles]

    def open(self, url: str) -> Tab:
        """Open *url* in a tab: in the only one, while it is empty, or in a new one."""
        tabs = self.tabs
        tab = tabs[0] if len(tabs) == 1 and tabs[0].url == _EMPTY else self._open_tab()
        tab.goto(url)
        return tab

    def close_tabs(self) -> None:
        """Close every tab but a new and empty one."""
        before = self.tabs
        self._open_tab()
        for tab in before:
            tab.close()

    def tab_at(self, url: str, seconds: float = PATIENCE_S) -> Tab:
        """Wait for a tab whose address begins with *url*."""

        def look() -> Tab | None:
            try:
                return next((tab for tab in self.tabs if tab.url.startswith(url)), None)
            except ScriptFailed:  # while a page is left for another
                return None

        return wait_until(look, seconds)

    @property
    def notifications(self) -> list[Notification]:
        """The notifications that are seen."""
        with self._marionette.using_context("chrome"):
            shown = []
            for window in self._marionette.chrome_window_handles:
                # Some have closed meanwhile, or are still loading.
                with suppress(NoSuchWindowException, NoSuchElementException):
                    self._marionette.switch_to_window(window, focus=False)
                    if self._marionette.get_window_type() == "alert:alert":
                        title = self._find("#alertTitleLabel").get_attribute("value")
                        if title:
                            shown.append(Notification(title, self._find("#alertTextLabel").text, window))
        return shown

    def click_notification(self, title: str, seconds: float = PATIENCE_S) -> None:
        """Wait for the notification with *title*, and click it."""

        def look() -> Notification | None:
            return next((each for each in self.notifications if each.title == title), None)

        window = wait_until(look, seconds).window
        with self._marionette.using_context("chrome"):
            self._marionette.switch_to_window(window, focus=False)
            self._find("#alertBox").click()

    @property
    def errors(self) -> list[str]:
        """What went wrong in pages and workers: exceptions, breaches of the policy, errors on the console."""
        self._marionette.switch_to_window(self._marionette.window_handles[0], focus=False)
        with self._marionette.using_context("chrome"):
            faults: list[str] = self._marionette.execute_script(_FAULTS)
        return faults + [line for line in self._process.lines if line.startswith(_CONSOLE_ERROR)]

    def preferring(self, preferences: Mapping[str, bool | int]) -> AbstractContextManager[None]:
        """Have these preferences until the block ends."""
        chosen: AbstractContextManager[None] = self._marionette.using_prefs(preferences)
        return chosen

    def clear(self) -> None:
        """Forget all that its user has done, as if nobody had ever used it."""
        self.close_tabs()
        with self._marionette.using_context("chrome"):
            failed = self._marionette.execute_async_script(_CLEAR)
        assert failed == 0
        shutil.rmtree(self.downloads, ignore_errors=True)
        self._process.lines.clear()

    def _open_tab(self) -> Tab:
        self._marionette.switch_to_window(self._marionette.window_handles[0])
        return Tab(self._marionette, self._marionette.open(type="tab", focus=True)["handle"])

    def _find(self, css: str) -> Any:
        return self._marionette.find_element(By.CSS_SELECTOR, css)


@contextmanager
def firefox(
    binary: str, push_service: str, preferences: Mapping[str, bool | int] = MappingProxyType({})
) -> Iterator[Firefox]:
    """Lend a Firefox that gets its pushes from the WebSocket *push_service*, until the block ends.

    It is cleared for the next.
    """
    with lend((binary, push_service), partial(_run, binary, push_service)) as running:
        with running.preferring(preferences):
            yield running
        running.clear()


@contextmanager
def _run(binary: str, push_service: str) -> Iterator[Firefox]:
    """Run a new Firefox."""
    with tempfile.TemporaryDirectory(prefix="firefox", ignore_cleanup_errors=True) as profile:
        downloads = Path(profile) / "downloads"
        chosen = PREFERENCES | {"dom.push.serverURL": push_service, "browser.download.dir": str(downloads)}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(it)});" for name, it in chosen.items()]
        (Path(profile) / "user.js").write_text("\n".join(lines))
        (Path(profile) / "chrome").mkdir()
        (Path(profile) / "chrome" / "userChrome.css").write_text(_STYLE)
        options = ("--headless", "--no-remote", "--marionette", "--remote-allow-system-access")
        # Its sound system leaves a folder where temporary files go.
        env = {"HOME": profile, "TMPDIR": profile}
        with program(binary, *options, "--profile", profile, env=env) as process:
            port = process.wait_for("Listening on port").rpartition(" ")[2]
            marionette = Marionette(port=int(port), socket_timeout=PATIENCE_S * 2)
            marionette.start_session()
            marionette.timeout.script = PATIENCE_S
            try:
                yield Firefox(marionette, process, downloads)
            finally:
                marionette.cleanup()
