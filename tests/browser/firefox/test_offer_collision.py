"""Offers of a Firefox and a Chromium at once: the polite one gives way, and both are heard in the end."""

from collections.abc import Iterator

import pytest

from tests.browser.drivers.chromium import CHROMIUM, chromium
from tests.browser.drivers.firefox import FIREFOX, firefox
from tests.browser.drivers.page import Page, wait_until
from tests.deployment import Deployment, PushServiceProcess
from tests.processes import installed

# A connection of which each description waits in `sent` until a test carries it.
_CONNECT = """
    const { Negotiation } = await import('/client/rtc/negotiation.js');
    window.sent = [];
    window.rtc = new RTCPeerConnection();
    const push = async (method, value) => void (method === 'ice' || window.sent.push(value));
    const [channels, session] = [{ supportsControl: false }, { isPolite: arguments[0] === 'polite' }];
    window.negotiation = new Negotiation(window.rtc, channels, session, push);
    window.negotiation.on('failed', (error) => { throw error; });
"""
_TAKE = "await window.negotiation.applyRemoteDescription(arguments[0], false)"
_DIRECTIONS = "return window.rtc.getTransceivers().map(({ currentDirection }) => currentDirection)"


@pytest.fixture(scope="module")
def pages(deployment: Deployment, push_process: PushServiceProcess) -> Iterator[dict[str, Page]]:
    """Return a page of each browser in which nothing runs."""
    url = f"{deployment.url}/js/whisper.js"
    with (
        chromium(installed(CHROMIUM)) as one,
        firefox(installed(FIREFOX), push_process.websocket_url) as other,
    ):
        yield {"chromium": one.open(url), "firefox": other.open(url)}


def carry(sender: Page, receiver: Page) -> None:
    """Carry the next description from one to the other."""
    receiver.evaluate(_TAKE, wait_until(lambda: sender.evaluate("return window.sent.shift()")))


@pytest.mark.parametrize("polite", ["chromium", "firefox"])
def test_both_share_at_once(pages: dict[str, Page], polite: str) -> None:
    """The other's offer is answered, then its own is; and so are those that come later."""
    gives_way = pages[polite]
    (insists,) = (page for name, page in pages.items() if name != polite)
    gives_way.evaluate(_CONNECT, "polite")
    insists.evaluate(_CONNECT, "impolite")
    gives_way.evaluate("window.rtc.createDataChannel('control')")
    carry(gives_way, insists)
    carry(insists, gives_way)

    gives_way.evaluate("window.rtc.addTransceiver('audio')")
    insists.evaluate("window.rtc.addTransceiver('audio'), window.rtc.addTransceiver('video')")
    carry(gives_way, insists)  # which ignores it
    carry(insists, gives_way)
    carry(gives_way, insists)
    carry(gives_way, insists)
    carry(insists, gives_way)
    insists.evaluate("window.rtc.addTransceiver('video')")
    carry(insists, gives_way)
    carry(gives_way, insists)

    for page in pages.values():
        directions = page.evaluate(_DIRECTIONS)
        assert (len(directions), set(directions) & {None, "inactive"}) == (4, set())
