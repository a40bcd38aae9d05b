"""Files over real data channels: a large one lies on disk, and goes on over the next connection."""

from collections.abc import Iterator

import pytest

from tests.browser.drivers.chromium import CHROMIUM, chromium
from tests.browser.drivers.chromium_tab import Tab
from tests.deployment import Deployment
from tests.processes import installed

# Two ends of one page: `connect()` makes a connection between them, as `Transfers` sees one.
_ENDS = """
    const { Transfers } = await import('/client/rtc/transfers.js');
    const { ByteBudget } = await import('/client/rtc/byte-budget.js');
    const aes = { name: 'AES-GCM', length: 256 };
    const key = await crypto.subtle.generateKey(aes, false, ['encrypt', 'decrypt']);
    const session = { keys: { outgoing: key, incoming: key } };
    const [sender, recipient] = [new Transfers(), new Transfers()];
    const offers = [];
    const [offered, taken] = [(offer) => offers.push(offer), () => offers[0]];
    async function connect() {
        const [one, other] = [new RTCPeerConnection(), new RTCPeerConnection()];
        one.onicecandidate = ({ candidate }) => other.addIceCandidate(candidate);
        other.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
        const ends = [one, other].map((rtc) => ({
            isOpen: true,
            supportsControl: true,
            session,
            channels: { budget: new ByteBudget(), createFileChannel: () => rtc.createDataChannel('file') },
        }));
        other.ondatachannel = async ({ channel }) => {
            if (channel.label === 'file') offered(await recipient.receiveOffer(channel, ends[1]));
        };
        const opened = new Promise((resolve) => { one.createDataChannel('first').onopen = resolve; });
        await one.setLocalDescription();
        await other.setRemoteDescription(one.localDescription);
        await other.setLocalDescription();
        await one.setRemoteDescription(other.localDescription);
        await opened;
        const lose = () => {
            for (const end of ends) end.isOpen = false;
            for (const rtc of [one, other]) rtc.close();
        };
        return { ends, lose };
    }
    const until = async (look) => { while (!look()) await new Promise((resolve) => setTimeout(resolve, 5)); };
    const digest = async (blob) => {
        const hash = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
        return Array.from(new Uint8Array(hash)).join();
    };
    const bytes = new Uint8Array(arguments[0]);
    for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
    const file = new File([bytes], 'large.bin', { type: 'text/x-test' });
    const onDisk = async () => {
        const root = await navigator.storage.getDirectory();
        const folder = await root.getDirectoryHandle('whisper-files', { create: true });
        const sizes = [];
        for await (const handle of folder.values()) sizes.push((await handle.getFile()).size);
        return sizes;
    };
"""


@pytest.fixture(scope="module")
def page(deployment: Deployment) -> Iterator[Tab]:
    """Return a page of the origin in which nothing runs."""
    with chromium(installed(CHROMIUM)) as running:
        yield running.open(f"{deployment.url}/js/whisper.js")


def test_a_large_file_goes_on_over_the_next_connection(page: Tab) -> None:
    """From where it was, without asking again; it arrives intact, and lies on disk."""
    told = page.evaluate(
        f"""{_ENDS}
        const first = await connect();
        const sending = sender.offer(file, first.ends[0]);
        await until(taken);
        const receiving = taken();
        receiving.accept();
        await until(() => receiving.transferred > bytes.length / 4);
        first.lose();
        const before = receiving.transferred;
        const second = await connect();
        for (const [side, end] of [[sender, second.ends[0]], [recipient, second.ends[1]]]) side.moveTo(end);
        let least = Infinity;
        sending.addEventListener('progress', () => {{ least = Math.min(least, sending.transferred); }});
        const received = await receiving.done;
        await sending.done;
        return {{
            same: (await digest(received)) === (await digest(file)),
            type: received.type,
            asked: offers.filter(Boolean).length,
            again: least >= before,
            disk: await onDisk(),
        }};
        """,
        20_000_000,
    )

    assert told == {
        "same": True,
        "type": "text/x-test",
        "asked": 1,
        "again": True,
        "disk": [20_000_000],
    }


def test_what_a_page_that_has_gone_left_on_disk_is_removed(page: Tab) -> None:
    """By the next large file, of whatever window."""
    page.reload()

    disk = page.evaluate(
        f"""{_ENDS}
        const {{ ends }} = await connect();
        sender.offer(file, ends[0]);
        await until(taken);
        taken().accept();
        await taken().done;
        return onDisk();
        """,
        17_000_000,
    )

    assert disk == [17_000_000]


def test_a_small_file_stays_in_memory(page: Tab) -> None:
    """And a cancelled one nowhere."""
    page.reload()

    told = page.evaluate(
        f"""{_ENDS}
        const {{ ends }} = await connect();
        const sending = sender.offer(file, ends[0]);
        await until(taken);
        const before = (await onDisk()).length;
        taken().accept();
        const same = (await digest(await taken().done)) === (await digest(file));
        await sending.done;
        return [same, (await onDisk()).length - before];
        """,
        1_000_000,
    )

    assert told == [True, 0]
