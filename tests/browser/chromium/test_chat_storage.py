"""Chats and their files in IndexedDB: in blocks, from an older version, written by two windows."""

from collections.abc import Iterator

import pytest

from tests.browser.drivers.chromium import CHROMIUM, chromium
from tests.browser.drivers.chromium_tab import Tab
from tests.deployment import Deployment
from tests.processes import installed


@pytest.fixture(scope="module")
def page(deployment: Deployment) -> Iterator[Tab]:
    """Return a page of the origin in which nothing runs."""
    with chromium(installed(CHROMIUM)) as running:
        yield running.open(f"{deployment.url}/js/whisper.js")


# What is kept of a chat with three files, the first one old: `open()` is a page that opens.
_CHATS = """
    const { ChatRepository } = await import('/app/storage/chat-repository.js');
    const { EncryptedDatabase } = await import('/app/storage/encrypted-database.js');
    const { chatWith, createState } = await import('/app/state.js');
    const { newReactions } = await import('/app/chat/entries.js');
    const open = () => {
        const app = { state: createState(), changed: () => undefined, notices: { alert: console.error } };
        return { app, repository: new ChatRepository(app), chat: chatWith(app.state, 'ben') };
    };
    const fileOf = (id, at) => ({
        kind: 'file', mine: false, at: new Date(at), id, blob: new Blob([id]), error: null, messageId: null,
        transfer: { name: id, type: '', size: 1, state: 'done' }, reactions: newReactions(),
    });
    const database = await EncryptedDatabase.open();
    await database.clear();
    const stored = async () => (await database.names('files')).sort();
    const { app, repository, chat } = open();
    await repository.restore();
    chat.entries.push(fileOf('old', 0), fileOf('b', Date.now()), fileOf('c', Date.now()));
    await repository.flush();
"""


def test_a_file_whose_entry_was_dropped_is_deleted(page: Tab) -> None:
    """Or whoever sends files without end would fill the disk."""
    assert page.evaluate(f"{_CHATS} chat.entries.shift(); await repository.flush(); return stored();") == [
        "b",
        "c",
    ]


def test_a_chat_that_gives_way_is_deleted_with_its_files(page: Tab) -> None:
    """Of strangers, those who have only rung go first, and then who has said nothing for the longest time."""
    left = page.evaluate(
        f"""{_CHATS}
        const come = async (name, entry) => {{
            for (let n = 0; n < 40; n += 1) chatWith(app.state, name + n).entries.push(entry);
            await repository.flush();
            return [(await database.names('talks')).includes('ben'), await stored()];
        }};
        const at = new Date(Date.now() + 1000);
        const rung = await come('rings', {{ kind: 'note', at, text: 'Missed call' }});
        const talked = await come('talks', fileOf('new', at.getTime()));
        return [rung, talked, (await database.names('talks')).length];
        """
    )

    assert left == [[True, ["b", "c", "old"]], [False, ["new"]], 31]


def test_what_is_too_old_is_deleted_with_its_files(page: Tab) -> None:
    """Also where nothing else is left of the chat."""
    left = page.evaluate(
        f"""{_CHATS}
        chat.entries.splice(1, 2);
        await repository.flush();
        localStorage.setItem('whisper.keep', 'month');
        const later = open();
        await later.repository.restore();
        await later.repository.flush();
        localStorage.clear();
        return [await database.blocks('ben'), await stored()];
        """
    )

    assert left == [[], []]


def test_a_chat_of_an_older_version_is_there(page: Tab) -> None:
    """It was one record in a database without blocks; it is divided into them with the next write."""
    told = page.evaluate(
        """
        const wait = (request) => new Promise((done) => { request.onsuccess = () => done(request.result); });
        const { ChatRepository } = await import('/app/storage/chat-repository.js');
        const { EncryptedDatabase } = await import('/app/storage/encrypted-database.js');
        const { createState } = await import('/app/state.js');
        await wait(indexedDB.deleteDatabase('whisper-talks'));
        const older = indexedDB.open('whisper-talks', 1);
        const stores = ['keys', 'talks', 'files'];
        older.onupgradeneeded = () => stores.forEach((store) => older.result.createObjectStore(store));
        (await wait(older)).close();
        const database = await EncryptedDatabase.open();
        const entries = ['one', 'two'].map((text, at) => ({ kind: 'note', at, text }));
        await database.put('talks', 'ben', JSON.stringify({ entries, draft: 'and', unread: 1, missed: 0 }));
        const texts = [];
        for (const _ of [1, 2]) {
            const app = { state: createState(), changed: () => undefined, notices: { alert: console.error } };
            const repository = new ChatRepository(app);
            await repository.restore();
            const { draft, entries } = app.state.chats.get('ben');
            texts.push([draft, ...entries.map(({ text }) => text)]);
            await repository.flush();
        }
        const [{ content }] = await database.blocks('ben');
        const head = new TextDecoder().decode(await database.get('talks', 'ben'));
        return [texts, JSON.parse(new TextDecoder().decode(content)).length, 'entries' in JSON.parse(head)];
        """
    )

    assert told == [[["and", "one", "two"]] * 2, 2, False]


def test_two_windows_that_write_one_chat_do_not_mix_it(page: Tab) -> None:
    """Who writes last has the chat, as it is in that window."""
    left = page.evaluate(
        f"""{_CHATS}
        const other = open();
        await other.repository.restore();
        other.app.state.selected = 'ben';
        const note = (text) => ({{ kind: 'note', at: new Date(), text }});
        const told = new Promise((done) => {{ new BroadcastChannel('whisper-talks').onmessage = done; }});
        chat.entries.push(note('one'.repeat(20_000))); // in a block of its own
        await repository.flush();
        await told;
        other.chat.entries.push(note('other'));
        await other.repository.flush();
        const later = open();
        await later.repository.restore();
        return later.chat.entries.map((entry) => entry.text ?? entry.id);
        """
    )

    assert left == ["old", "b", "c", "other"]


def test_long_messages_are_not_written_again_and_again(page: Tab) -> None:
    """Who reacts to them has a million characters written a second; a page that closes writes at once."""
    writes = page.evaluate(
        f"""{_CHATS}
        let count = 0;
        new BroadcastChannel('whisper-talks').onmessage = () => (count += 1);
        const {{ newText }} = await import('/app/chat/entries.js');
        const say = (text) => newText(false, text, {{ mark: 'delivered' }});
        chat.entries.push(...['a', 'b', 'c', 'd'].map((letter) => say(letter.repeat(1e6))));
        await repository.flush();
        for (let at = 0; at < 20; at++) {{
            for (const entry of chat.entries) entry.reactions.theirs = at % 2 ? '👍' : '❤️';
            repository.save();
            await new Promise((resolve) => setTimeout(resolve, 50));
        }}
        const before = count;
        dispatchEvent(new Event('pagehide'));
        await repository.flush();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return [before, count];
        """
    )

    assert writes == [1, 2]
