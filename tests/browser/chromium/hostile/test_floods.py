"""Floods of an accepted peer: the page stays usable, or hangs up and says why."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.drivers.accessibility_checks import faults
from tests.browser.drivers.page import wait_until
from tests.browser.users.chromium_user import ChromiumUser, at_chromium, bridged_chromium
from tests.browser.users.malicious_peer import MaliciousPeer
from tests.deployment import Deployment, PushServiceProcess

HUNG_UP = "sent too much"
# What a page may hold: the budget for what waits, what it shows, and itself.
MAX_HEAP_BYTES = 100_000_000
# What is left of the largest values that were read: less than three of them.
MAX_READ_BYTES = 40_000_000
FLOOD_S = 60

_HEAP = "gc(); return performance.memory.usedJSHeapSize"


@pytest.fixture(scope="module")
def armed(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[MaliciousPeer]:
    """Return somebody who means no good."""
    with bridged_chromium(deployment, push_process) as running:
        mallory = MaliciousPeer(running.open(f"{deployment.url}/js/whisper.js"))
        mallory.arms()
        yield mallory


@pytest.fixture(scope="module")
def resident(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[ChromiumUser]:
    """Return somebody with the app, whose chats are gone with the page."""
    with at_chromium(deployment, push_process) as person:
        person.page.evaluate("localStorage.setItem('whisper.keep', 'close')")
        yield person


@pytest.fixture
def ben(resident: ChromiumUser) -> Iterator[ChromiumUser]:
    """Return somebody with a fresh page, which has had no error when the test ends."""
    resident.leaves()
    resident.looks()
    yield resident
    assert resident.page.evaluate(_HEAP) < MAX_HEAP_BYTES
    assert resident.browser.errors == []


@pytest.fixture
def mallory(armed: MaliciousPeer, ben: ChromiumUser) -> MaliciousPeer:
    """Return somebody whom Ben has accepted."""
    connect(armed, ben)
    return armed


def connect(mallory: MaliciousPeer, ben: ChromiumUser) -> None:
    """Let *mallory* ring *ben*, who accepts."""
    mallory.rings(ben.address)
    ben.accepts()
    ben.talks()
    mallory.talks()
    mallory.page.wait_until("return channels.control?.readyState === 'open'")


def still_talk(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """Assert that the page works, and its person can hang up."""
    ben.writes("still here")
    mallory.hears("still here")
    ben.hangs_up()
    ben.page.see("[data-kind=note]", "You hung up")


def hangs_up(ben: ChromiumUser) -> None:
    """Assert that the page has hung up by itself, and says why."""
    ben.page.see("#chat-trouble", HUNG_UP, seconds=FLOOD_S)
    ben.page.see("#ring")


def test_a_channel_too_many_is_closed(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """There is one of each kind; what another is sent is not read."""
    made = """
        const made = Array.from({ length: 40 }, () => rtc.createDataChannel(arguments[0]));
        const closed = channel => new Promise(resolve => channel.addEventListener('close', resolve));
        await Promise.all(made.map(closed));
    """

    for label in ("control", "whisper", "nobody knows"):
        mallory.page.evaluate(made, label)

    still_talk(ben, mallory)


def test_channels_without_end_end_the_connection(ben: ChromiumUser, armed: MaliciousPeer) -> None:
    """Whoever goes on opening them is no program that anybody knows: more than 256, or 320 of files."""
    for label in ("control", "whisper", "file", "nobody knows"):
        connect(armed, ben)
        ben.page.wait_until("return !document.getElementById('chat-trouble').innerText")

        armed.page.evaluate("for (let at = 0; at < 330; at += 1) rtc.createDataChannel(arguments[0])", label)

        hangs_up(ben)
        wait_until(lambda: not armed.is_connected)


def test_offers_of_files_have_an_end(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """A person can't be asked about more than 64 at once."""
    mallory.page.evaluate("for (let at = 0; at < 150; at += 1) peer.sendFile(new File(['x'], `${at}.txt`))")
    ben.page.wait_until("return document.querySelectorAll('[data-kind=file]').length >= 64")

    mallory.sends("'and then'")
    ben.reads("and then")

    assert ben.page.evaluate("return document.querySelectorAll('[data-kind=file]').length") == 64
    still_talk(ben, mallory)


def test_frames_of_nothing_do_no_harm(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """Seventy thousand that can't be opened, more than may wait: the page reads on, or hangs up."""
    mallory.page.evaluate("""
        const { control } = channels;
        for (let at = 0; at < 7e4 && control.readyState === 'open'; at += 1) {
            try { control.send(''); } catch { break; }
        }
    """)

    mallory.page.wait_until(
        "return channels.control.readyState !== 'open' || channels.control.bufferedAmount === 0",
        seconds=FLOOD_S,
    )
    still_talk(ben, mallory) if mallory.is_connected else hangs_up(ben)


def test_the_largest_values_in_a_row_are_read(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """Three of 16 MiB each: the page shows a part of each, and keeps no more."""
    mallory.page.evaluate(
        "globalThis.sending = (async () => {"
        "  for (let at = 0; at < 3; at += 1) await peer.send('x'.repeat(16 * 2 ** 20 - 2));"
        "  await peer.send('the last');"
        "})().catch(() => 0)"
        ".then(() => { globalThis.sent = true; }); return 0"
    )

    ben.page.wait_until(
        "return [...document.querySelectorAll('.theirs')].some(each => each.innerText.includes('the last'))"
        " || document.getElementById('ring').checkVisibility()",
        seconds=2 * FLOOD_S,
    )
    ben.page.wait_until(f"{_HEAP} < {MAX_READ_BYTES}")


def test_a_control_value_that_is_too_large_ends_the_connection(
    ben: ChromiumUser, mallory: MaliciousPeer
) -> None:
    """Programs have little to tell each other."""
    mallory.page.evaluate("""
        for (let at = 0; at < 400 && channels.control.readyState === 'open'; at += 1) {
            await room(channels.control);
            try { channels.control.send(await part('control', 3, new Uint8Array(60_000))); } catch { break; }
        }
    """)

    hangs_up(ben)


def test_what_comes_before_the_connection_is_ready_is_bounded(
    ben: ChromiumUser, armed: MaliciousPeer
) -> None:
    """Whoever opens only the control channel, and talks on it, is hung up on."""
    armed.page.evaluate("""
        channels = {};
        globalThis.withheld = 'whisper';
        const accept = event => event.accept().catch(() => 0).then(() => { globalThis.over = true; });
        whisper.addEventListener('dial', accept, { once: true });
    """)

    ben.rings(armed.address)
    armed.page.wait_until("return channels.control?.readyState === 'open'")
    armed.page.evaluate("""
        delete globalThis.withheld;
        for (let at = 0; at < 300 && channels.control.readyState === 'open'; at += 1) {
            try { await say('control', { received: at, padding: 'x'.repeat(30_000) }); } catch { break; }
        }
    """)

    ben.page.see("#chat-trouble", HUNG_UP)
    armed.page.wait_until("return globalThis.over", seconds=FLOOD_S)


def test_a_recipient_can_not_have_what_was_not_sent(
    ben: ChromiumUser, mallory: MaliciousPeer, tmp_path: Path
) -> None:
    """The word that a file has come counts when all of it has gone."""
    (tmp_path / "letter.txt").write_text("hello")
    mallory.page.evaluate("""
        rtc.addEventListener('datachannel', ({ channel }) => { channels.file = channel; }, { once: true });
    """)

    ben.sends(tmp_path / "letter.txt")
    mallory.page.wait_until("return channels.file?.readyState === 'open'")
    mallory.page.evaluate("await say('file', { received: 5 })")
    mallory.sends("'and then'")
    ben.reads("and then")

    ben.page.see("[data-kind=file][data-state=waiting]", "waiting for their yes")
    still_talk(ben, mallory)


_TRANSFER = """
    peer.sendFile(new File([new Uint8Array(1e6)], 'endless.bin'));
    const { file } = channels;
    globalThis.silence = () => { file.send = () => undefined; };
"""


def test_a_transfer_that_never_ends_can_be_stopped(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """By its button; the connection goes on."""
    mallory.page.evaluate(_TRANSFER)
    ben.page.see("[data-accept-file]")
    mallory.page.evaluate("silence()")

    ben.page.click("[data-accept-file]")
    ben.page.click("[data-cancel-file]")

    ben.page.see("[data-kind=file]", "cancelled")
    still_talk(ben, mallory)


def test_a_transfer_of_nothing_is_stopped(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """Frames without a byte bring no file nearer to its end."""
    mallory.page.evaluate(_TRANSFER)
    ben.page.see("[data-accept-file]")
    mallory.page.evaluate("globalThis.send = channels.file.send.bind(channels.file); silence()")

    ben.page.click("[data-accept-file]")
    ben.page.see("[data-state=running]")
    mallory.page.evaluate("send(await part('file', 4, new Uint8Array(0)))")

    ben.page.see("[data-kind=file]", "cancelled")
    still_talk(ben, mallory)


NEGOTIATIONS = {
    "a thousand candidates": """
        const candidate = { candidate: 'candidate:1 1 UDP 1 192.0.2.1 9 typ host', sdpMid: '0' };
        const candidates = Array.from({ length: 64 }, () => candidate);
        for (let at = 0; at < 16; at += 1) await say('control', { candidates });
    """,
    "descriptions of the largest size": """
        for (let at = 0; at < 20; at += 1) {
            const sdp = 'v=0\\r\\n' + `a=${'x'.repeat(60)}\\r\\n`.repeat(900);
            await say('control', { description: { type: 'offer', sdp } });
        }
    """,
    "descriptions of nothing": """
        const description = { type: 'offer', sdp: '' };
        for (let at = 0; at < 100; at += 1) await say('control', { description });
    """,
    "what is no description": """
        for (const each of [0, null, [], {}, { type: 'rollback', sdp: '' }, { type: 'offer', sdp: 5 }]) {
            await say('control', { description: each });
            await say('control', { candidates: each });
        }
    """,
    "goodbyes that are none": """
        for (const bye of [0, null, {}, 'later', 'x'.repeat(50_000)]) await say('control', { bye });
    """,
    "receipts for what was never sent": """
        for (const received of [1e9, -1, 0.5, null, '7']) await say('control', { received });
    """,
}


def test_what_programs_tell_each_other_does_no_harm(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """Whatever it is; the chat goes on."""
    for name, script in NEGOTIATIONS.items():
        mallory.page.evaluate(script)

        ben.writes(f"after {name}")
        mallory.hears(f"after {name}")

    still_talk(ben, mallory)


def test_names_and_texts_do_not_break_the_layout(ben: ChromiumUser, mallory: MaliciousPeer) -> None:
    """Long words, long names, and what runs from right to left stay where they belong."""
    mallory.sends("'W'.repeat(1400)")
    mallory.sends(r"'\u202e' + '\u05d0'.repeat(300) + '\u0301'.repeat(200)")
    mallory.sends("'\\n'.repeat(200)")
    mallory.page.evaluate("peer.sendFile(new File(['x'], 'M'.repeat(250) + '.pdf'))")
    mallory.page.evaluate(r"peer.sendFile(new File(['x'], '\u05d0'.repeat(250)))")
    ben.page.wait_until("return document.querySelectorAll('[data-kind=file]').length === 2")

    found = faults(ben.page, "hostile-texts")

    assert found == []
