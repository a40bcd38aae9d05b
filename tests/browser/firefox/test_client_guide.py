"""Guide of docs/client.md: its app, as it stands there, at an origin of its own."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser.drivers.firefox import Firefox
from tests.browser.drivers.page import Page
from tests.deployment import Deployment
from tests.people import Person
from tests.processes import ROOT

FILE = re.compile(r"^`([\w.]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class UnloggedHandler(SimpleHTTPRequestHandler):
    """HTTP handler of a folder, as in `python3 -m http.server`, but without a log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    """Serve *folder* on a port of its own, and yield its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(UnloggedHandler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def app(tmp_path: Path, deployment: Deployment) -> Iterator[str]:
    """Serve the guide's three files, with this server's name in them, and return their origin."""
    guide = (ROOT / "docs" / "client.md").read_text()
    for name, content in FILE.findall(guide):
        (tmp_path / name).write_text(content.replace("http://localhost:8000", deployment.url))
    with serving_folder(tmp_path) as origin:
        yield origin


def start(page: Page) -> str:
    """Press Start, and return the address."""
    page.click("#start")
    page.wait_until("return document.getElementById('me').value.length === 44", seconds=30)
    address: str = page.evaluate("return document.getElementById('me').value")
    return address


def test_the_guide_leads_to_a_call(app: str, firefox: Firefox, another_firefox: Firefox) -> None:
    """Two browsers, three files copied from the guide, the client loaded from another origin."""
    one, other = firefox.open(app), another_firefox.open(app)
    address = start(one)
    start(other)

    other.type("#address", address)
    other.click("#call button")
    other.see("#log", "with 3 pushes")
    one.see("#log", "connected")
    other.type("#text", "it works")
    other.click("#say button")

    one.see("#log", "they: it works")
    assert (firefox.errors, another_firefox.errors) == ([], [])


_OTHER_WORKER = """
    self.onmessage = async ({ data }) => {
        const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
        for (const page of pages) for (const message of data) page.postMessage(message);
        for (const page of pages) page.postMessage('said');
    };
"""

_LET_IT_SAY = """
    const [sender] = arguments;
    const parts = { payload: '', text: '', signature: 'x', recipient: '' };
    const call = { method: 'dial', sender, sentAt: Date.now(), encryptionKey: sender, ...parts };
    const others = ['clicked', 'verify', 'drop'].map(whisper => ({ whisper, code: 'x', reason: 'x' }));
    const said = [{ whisper: 'call', call }, ...others];
    const heard = new Promise((resolve) => {
        navigator.serviceWorker.addEventListener('message', ({ data }) => data === 'said' && resolve());
    });
    const { installing } = await navigator.serviceWorker.register('./other.js', { scope: './other/' });
    await new Promise((resolve) => {
        installing.onstatechange = () => installing.state === 'activated' && resolve();
    });
    installing.postMessage(said);
    await heard;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return document.getElementById('log').innerText;
"""


def test_another_worker_of_the_origin_is_not_believed(app: str, tmp_path: Path, firefox: Firefox) -> None:
    """It can tell the page anything; but nobody rings, and nothing is accepted."""
    (tmp_path / "other.js").write_text(_OTHER_WORKER)
    page = firefox.open(app)
    start(page)

    assert page.evaluate(_LET_IT_SAY, Person().address.text) == ""
