"""A tab of Firefox, by Marionette."""

from base64 import b64decode
from pathlib import Path
from typing import Any
from warnings import catch_warnings

from tests.browser.drivers.page import PATIENCE_S, Page, ScriptFailed

with catch_warnings(action="ignore"):  # its own imports are deprecated ones
    from marionette_driver.by import By
    from marionette_driver.errors import JavascriptException

# Ask within the page for two seconds: each question from outside takes a hundred times the CPU time.
_WATCH = """
    const look = async function () { %s };
    for (const end = performance.now() + 2000; ; ) {
        const found = await look.apply(null, arguments);
        if (found || performance.now() > end) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
"""


class Tab(Page):
    """A tab of Firefox; it comes to the front when it is used."""

    def __init__(self, marionette: Any, handle: str) -> None:
        self._marionette = marionette
        self._handle = handle

    def goto(self, url: str) -> None:
        """Go to *url*, and wait until it has loaded."""
        self._in_front().navigate(url)

    def reload(self) -> None:
        """Load it again."""
        self._in_front().refresh()

    def close(self) -> None:
        """Close the tab, the last one when there is another, or the browser would end."""
        if len(self._marionette.window_handles) == 1:
            self._marionette.open(type="tab", focus=False)
        self._in_front().close()

    def evaluate(self, script: str, *arguments: object) -> Any:
        """Run the body of an async function in the page; return what it returns, which must be JSON."""
        call = f"""
            const [answer, ...given] = [arguments[arguments.length - 1], ...[...arguments].slice(0, -1)];
            (async function () {{ {script} }}).apply(null, given)
                .then(value => answer({{ value }}), error => answer({{ error: `${{error}}` }}));
        """
        try:
            answer = self._in_front().execute_async_script(call, arguments, sandbox=None)
        except JavascriptException as left:
            raise ScriptFailed(str(left)) from None
        if answer is None:
            raise ScriptFailed("the page was left meanwhile")
        if "error" in answer:
            raise ScriptFailed(answer["error"])
        return answer.get("value")

    def wait_until(self, script: str, *arguments: object, seconds: float = PATIENCE_S) -> Any:
        """Run *script* as `evaluate` does until it returns what is true, and return that."""
        return super().wait_until(_WATCH % script, *arguments, seconds=seconds)

    def screenshot(self, file: Path) -> None:
        """Write a PNG of what is seen."""
        file.write_bytes(b64decode(self._in_front().screenshot(full=False)))

    def _click(self, css: str) -> None:
        self._in_front().find_element(By.CSS_SELECTOR, css).click()

    def _type(self, css: str, text: str) -> None:
        field = self._in_front().find_element(By.CSS_SELECTOR, css)
        if field.get_property("type") != "file":
            field.clear()
        field.send_keys(text)

    def _in_front(self) -> Any:
        self._marionette.switch_to_window(self._handle)
        return self._marionette
