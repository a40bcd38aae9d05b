"""Documentation page in a browser: its files are ours, and it is kept away from the app's origin."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.api.openapi_examples import EXAMPLES
from tests.browser.drivers.chromium import CHROMIUM, Chromium, chromium
from tests.browser.drivers.chromium_tab import Tab
from tests.browser.users.chromium_user import at_chromium
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed

LOADED = "return performance.getEntriesByType('resource').map(({ name }) => name)"

# Edit the body of the call that is tried, as a person does.
EDIT = """
    const field = document.querySelector('.opblock.is-open textarea.body-param__text');
    const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set;
    set.call(field, field.value.replace(...arguments));
    field.dispatchEvent(new Event('input', { bubbles: true }));
"""

# Ways to what holds the identity key, or could use it: each tells what it got, or how it was refused.
THEFT = """
    const opened = () => new Promise((resolve, reject) => {
        const request = indexedDB.open('whisper');
        request.onsuccess = () => resolve([...request.result.objectStoreNames]);
        request.onerror = () => reject(request.error);
    });
    const ways = {
        database: opened,
        storage: () => localStorage.length,
        caches: () => caches.keys(),
        worker: () => navigator.serviceWorker.getRegistrations(),
        cookie: () => document.cookie,
    };
    const found = {};
    for (const [name, way] of Object.entries(ways)) {
        found[name] = await (async () => way())().catch(({ name }) => `refused: ${name}`);
    }
    return found;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """Run a Chromium where nobody has been."""
    with chromium(installed(CHROMIUM)) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Chromium, deployment: Deployment) -> Tab:
    """Return the documentation page."""
    return browser.open(f"{deployment.url}/docs")


def test_the_page_shows_the_document_and_asks_nobody_else(
    page: Tab, browser: Chromium, deployment: Deployment
) -> None:
    """Every file is from this server, and no rule of the page's policy is broken."""
    page.see("#swagger-ui", "/api/v1/call")
    page.see("#swagger-ui", "Register a push subscription")
    loaded = page.evaluate(LOADED)
    assert {name.removeprefix(f"{deployment.url}/") for name in loaded} >= {
        "docs/files/swagger-ui.css",
        "docs/files/swagger-ui-bundle.js",
        "docs/start.js",
    }
    assert [name for name in loaded if not name.startswith((deployment.url, "data:"))] == []
    assert browser.errors == []


def test_an_example_can_be_tried(page: Tab, browser: Chromium, push_process: PushServiceProcess) -> None:
    """It is signed by a key of the page alone, at the time of now, as far as nobody has edited that."""
    allowed = (EXAMPLES["update"]["b"]["b"]["a"], f"{push_process.origin}/push/1")

    assert execute(page, "update", allowed)["ok"]
    assert execute(page, "dial")["code"] == "unknown_recipient"
    assert execute(page, "close", (EXAMPLES["close"]["c"][:8], "AAAAAAAA"))["code"] == "stale_timestamp"
    assert [error for error in browser.errors if "the server responded with a status" not in error] == []


def execute(page: Tab, path: str, edit: tuple[str, str] = ("", "")) -> dict[str, Any]:
    """Try the example of the calls at *path*, one text of it replaced by another; return the answer."""
    block = f".opblock-summary-path[data-path='/{path}']"
    page.click(block)
    page.click(".opblock.is-open .try-out__btn")
    page.see(".opblock.is-open .execute")
    page.evaluate(EDIT, *edit)
    page.click(".opblock.is-open .execute")
    shown = ".opblock.is-open .live-responses-table .response-col_description code"
    page.see(shown, '"ok"')
    answer: dict[str, Any] = json.loads(page.text(shown))
    page.click(block)
    return answer


def test_the_page_can_not_take_the_key(deployment: Deployment, push_process: PushServiceProcess) -> None:
    """Whatever script runs there: the key is the app's origin's, and this page has another."""
    with at_chromium(deployment, push_process) as ben:
        mine = ben.page.evaluate(THEFT)
        docs = ben.browser.open(f"{deployment.url}/docs")
        docs.see("#swagger-ui", "/dial")
        stolen = docs.evaluate(THEFT)

    assert "identity" in mine["database"]
    assert [name for name, found in stolen.items() if not str(found).startswith("refused: ")] == []
