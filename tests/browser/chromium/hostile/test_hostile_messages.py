"""Hostile messages of a peer: no script that runs, no broken page, nothing that looks like something else.

The peer is a page of its own that uses the library, and so sends what no app would. What it sends is shown
as text; and the page has no error, which means no dialog and no breach of its policy either.
"""

from collections.abc import Iterator

import pytest

from tests.browser.drivers.page import wait_until
from tests.browser.users.chromium_user import ChromiumUser, at_chromium, bridged_chromium
from tests.browser.users.malicious_peer import MaliciousPeer
from tests.deployment import Deployment, PushServiceProcess


@pytest.fixture(scope="module")
def mallory(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[MaliciousPeer]:
    """Return somebody who means no good."""
    with bridged_chromium(deployment, push_process) as running:
        yield MaliciousPeer(running.open(f"{deployment.url}/js/whisper.js"))


@pytest.fixture(scope="module")
def connected(
    mallory: MaliciousPeer, push_process: PushServiceProcess, deployment: Deployment
) -> Iterator[ChromiumUser]:
    """Return somebody with the app, connected with Mallory."""
    with at_chromium(deployment, push_process) as ben:
        mallory.rings(ben.address)
        ben.accepts()
        ben.talks()
        mallory.talks()
        yield ben


@pytest.fixture
def ben(connected: ChromiumUser, mallory: MaliciousPeer) -> Iterator[ChromiumUser]:
    """Return whoever is connected; when the test ends, their page has had no error, and still works."""
    yield connected
    connected.writes("still here")
    mallory.hears("still here")
    mallory.page.evaluate("heard.length = 0")
    assert connected.page.evaluate("return globalThis.ran ?? null") is None
    assert connected.browser.errors == []


def reads_exactly(ben: ChromiumUser, text: str) -> None:
    """Wait for a message with no other text than this."""
    script = "return [...document.querySelectorAll('.theirs .text')].at(-1)?.textContent === arguments[0]"
    ben.page.wait_until(script, text)


ACTIVE = {
    "a script": "<script>ran = 1; alert(1)</script>",
    "an image that fails": '<img src="x" onerror="ran = 1; alert(1)">',
    "a drawing": '<svg onload="ran = 1"><use href="data:image/svg+xml,<svg id=x onload=alert(1)>#x"></svg>',
    "a frame": '<iframe srcdoc="<script>parent.ran = 1</script>"></iframe>',
    "a link to a script": "javascript:ran=1;alert(1)",
    "an end of what is around it": "</div></li></ol></template></script><h1 onclick=alert(1)>Whisper</h1>",
    "a template": "${ran = 1} {{ran = 1}} <%= ran = 1 %>",
}


@pytest.mark.parametrize("text", ACTIVE.values(), ids=ACTIVE)
def test_markup_is_text(ben: ChromiumUser, mallory: MaliciousPeer, text: str) -> None:
    """It is read as it was written, and has made no element."""
    mallory.sends("arguments[0]", text)

    reads_exactly(ben, text)
    made = "return document.querySelectorAll('#logs :is(a, img, iframe, script, h1, use[href^=data])').length"
    assert ben.page.evaluate(made) == 0


def test_markup_in_a_member_is_text(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """In names and in values."""
    mallory.sends(
        "{ '<img src=x onerror=ran=1>': '<script>ran = 1</script>', ['__proto__']: { toString: 1 } }"
    )

    shown = """{
  "<img src=x onerror=ran=1>": "<script>ran = 1</script>",
  "__proto__": {
    "toString": 1
  }
}"""
    reads_exactly(ben, shown)


DECEIVING = {
    "a text that turns around": "you owe me \u202e0001\u202c euros \u2067abc",
    "text without width": "pay\u200bpal\u2060.\ufeffcom\u00ad",
    "letters with a hundred marks": "Z" + "\u0300" * 100,
    "control characters": "bell \a escape \x1b[31m red \x7f\u0085",
}


@pytest.mark.parametrize("text", DECEIVING.values(), ids=DECEIVING)
def test_what_deceives_stays_in_its_bubble(ben: ChromiumUser, mallory: MaliciousPeer, text: str) -> None:
    """Its direction ends with it, and it covers nothing outside the chat."""
    mallory.sends("arguments[0]", text)

    reads_exactly(ben, text)
    contained = """
        const text = [...document.querySelectorAll('.theirs .text')].at(-1);
        const { unicodeBidi } = getComputedStyle(text);
        const log = getComputedStyle(text.closest('.log'));
        return [['isolate', 'plaintext', 'isolate-override'].includes(unicodeBidi), log.overflowY];
    """
    assert ben.page.evaluate(contained) == [True, "auto"]


LARGE = {
    "five million characters": ("'x'.repeat(5e6)", "Save all (1,000,000 characters)"),
    "a hundred thousand lines": (r"'\n'.repeat(1e5)", "Show all (100,000 characters)"),
    "an array of a million": ("Array(1e6).fill(0)", "Save all (1,000,000 characters)"),
    "an object of a hundred thousand members": (
        "Object.fromEntries(Array.from({ length: 1e5 }, (_, at) => [at, {}]))",
        "Save all (1,000,000 characters)",
    ),
    "a word that fills a book": ("'\u0e01'.repeat(9e4)", "Show all (90,000 characters)"),
}


@pytest.mark.parametrize(("value", "offered"), LARGE.values(), ids=LARGE)
def test_what_is_large_is_cut(ben: ChromiumUser, mallory: MaliciousPeer, value: str, offered: str) -> None:
    """The page shows the beginning, and offers the rest."""
    mallory.sends(value)

    ben.page.see(".theirs:last-child .more", offered)


def test_what_is_deep_is_cut(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """A million arrays in each other, which no program of ours could have written."""
    nested = """
        const { stringify } = JSON;
        const deep = '['.repeat(1e6) + ']'.repeat(1e6);
        const isIt = value => value === 0 || Array.isArray(value); // and no receipt, which goes meanwhile
        JSON.stringify = (value, ...rest) => isIt(value) ? deep : stringify(value, ...rest);
        try { await peer.send(0); } finally { JSON.stringify = stringify; }
    """
    mallory.page.evaluate(nested)

    ben.page.see(".theirs:last-child .more", "Show all")
    ben.page.click(".theirs:last-child .more")
    ben.page.see(".theirs:last-child .code", "[…]")


def test_a_thousand_messages_are_only_messages(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """The last one is there, and the page answers."""
    mallory.page.evaluate("for (let at = 1; at <= 1000; at += 1) await peer.send(`message ${at}`)")

    ben.reads("message 1000")


FILE_NAMES = {
    "../../<img src=x onerror=alert(1)>.html": "_img src=x onerror=alert(1)_.html",
    "..\\..\\autoexec.bat": "autoexec.bat",
    "photo\u202egnp.exe": "photognp.exe",
    "con\u0000\n\t.txt": "con.txt",
    ".bashrc": "bashrc",
    "..": "file",
}


@pytest.mark.parametrize(("name", "shown"), FILE_NAMES.items(), ids=FILE_NAMES.values())
def test_a_file_has_a_name_that_is_only_a_name(
    ben: ChromiumUser, mallory: MaliciousPeer, name: str, shown: str
) -> None:
    """Without a folder, without markup, and in the order in which it is read."""
    mallory.page.evaluate("peer.sendFile(new File(['hello'], arguments[0]))", name)

    ben.page.see(".theirs:last-child .file-name", shown)
    assert ben.page.text(".theirs:last-child .file-name") == shown


def test_a_page_that_was_sent_is_saved_and_not_opened(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """It is bytes, whatever it says that it is; and it lies where downloads lie."""
    page = "<script>opener.ran = 1; alert(1)</script>"
    sending = "peer.sendFile(new File([arguments[0]], '../../<b>.html', { type: 'text/html' }))"
    tabs = ben.browser.tabs
    mallory.page.evaluate(sending, page)
    ben.page.see(".theirs:last-child", "_b_.html")

    ben.page.click(".theirs:last-child [data-accept-file]")
    ben.page.click(".theirs:last-child [data-save-file]")

    saved = ben.browser.downloads / "_b_.html"
    wait_until(lambda: saved.exists() and saved.read_text() == page)
    assert ben.browser.tabs == tabs
