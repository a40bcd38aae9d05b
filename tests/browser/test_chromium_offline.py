"""The app opens without a network, and everything that it needs for that is kept."""

import re
from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium
from tests.browser.page import PATIENCE_S
from tests.browser.residents import Resident, at_chromium
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import ROOT

WEB = ROOT / "web"
CLIENT = ROOT / "client"
WORKERS_OWN = {"client/worker.js", "client/push/service-worker.js", "client/push/notifications.js"}

_HAS_KEPT = """
    const [name] = await caches.keys();
    return (await (await caches.open(name)).keys()).length >= arguments[0];
"""


def kept() -> set[str]:
    """Return what the worker keeps, by its own list."""
    [shell] = re.findall(r"const SHELL = \[(.*?)\];", (WEB / "sw.js").read_text(), re.DOTALL)
    return set(re.findall(r"'([^']+)'", shell))


def test_every_module_of_the_page_is_kept() -> None:
    """The worker's own is kept by the browser."""
    folders = {"app": WEB / "app", "client": CLIENT}
    modules = {
        f"{prefix}/{file.relative_to(folder).as_posix()}"
        for prefix, folder in folders.items()
        for file in folder.rglob("*.js")
    }

    assert {name for name in kept() if name.endswith(".js")} == modules - WORKERS_OWN


def test_everything_that_is_kept_is_there() -> None:
    """A name that is wrong would be kept by nobody, and missed without a network only."""
    missing = [name for name in kept() if not (WEB / name).exists() and not (ROOT / name).exists()]

    assert missing == []


def test_everything_that_the_page_names_is_kept() -> None:
    """Style, manifest, icons and the first module."""
    named = set(re.findall(r'(?:href|src)="([^"#]+)"', (WEB / "index.html").read_text()))

    assert named <= kept()


def test_everything_that_the_page_loads_is_kept(chromium: Chromium, deployment: Deployment) -> None:
    """By the word of a browser, whatever the files say."""
    page = chromium.open(deployment.url)
    page.see("#turn-on")

    loaded = page.evaluate(
        "return performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)"
    )

    assert {path.removeprefix("/") for path in loaded} <= kept()


@pytest.fixture
def ben(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[Resident]:
    """Return somebody who has turned calls on."""
    with at_chromium(deployment, push_process) as person:
        yield person


def test_the_app_opens_without_a_network(ben: Resident) -> None:
    """It says what is wrong; and works again, by itself, when the network is back."""
    ben.page.wait_until(_HAS_KEPT, len(kept()))
    ben.browser.go_offline(offline=True)
    reachable = "return fetch('/livez', { cache: 'no-store' }).then(() => true, () => false)"
    assert ben.browser.in_worker(ben.url, reachable) is False

    ben.page.reload()
    ben.page.see("#alerts", "You are offline")
    ben.page.see("#my-address")
    ben.browser.go_offline(offline=False)

    ben.page.see("#my-status", "You", seconds=2 * PATIENCE_S)
    ben.page.wait_until("return !document.getElementById('alerts').innerText")
