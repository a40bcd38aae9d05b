/** Records of chats: what is kept of a chat, and what comes back. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { fingerprint, fromRecord, toRecord } from '../../../../web/app/storage/chat-records.js';

const AT = new Date(1_700_000_000_000);
const FILE = { name: 'a.png', type: 'image/png', size: 3, state: 'done' };

const SHARED = { messageId: 'an id', reactions: { mine: '👍', theirs: '❤️', isUntold: true } };
const text = (changes) => ({ kind: 'text', mine: true, at: AT, text: 'hello', isCode: false, mark: 'read', peer: {}, number: 4, ...SHARED, reply: 'another', edits: 2, ...changes });
const chatWith = (...entries) => ({ entries, draft: 'and', unread: 2, missed: 1, says: 'Ben' });
const again = (chat, since = 0) => fromRecord(JSON.parse(JSON.stringify(toRecord(chat))), since);

test('a chat comes back as it was', () => {
  const { entries, ...rest } = again(chatWith(text(), { kind: 'note', at: AT, text: 'Missed call' }));

  assert.deepEqual(rest, { draft: 'and', unread: 2, missed: 1, says: 'Ben' });
  assert.deepEqual(entries[0], { ...text({ peer: null, number: 0 }), value: 'hello' });
  assert.deepEqual(entries[1], { kind: 'note', at: AT, text: 'Missed call' });
});

test('a message that was kept before messages had ids has none', () => {
  const { entries } = fromRecord({ entries: [{ kind: 'text', at: 0, mine: true, text: 'hello', isCode: false, mark: 'sent' }] }, 0);

  assert.deepEqual(entries[0].reactions, { mine: '', theirs: '', isUntold: false });
  assert.deepEqual([entries[0].messageId, entries[0].reply, entries[0].edits], [null, null, 0]);
});

test('what waits for a connection still waits, and what was on its way can be sent again', () => {
  const marks = ['waiting', 'sending', 'sent'].map((mark) => text({ mark }));

  assert.deepEqual(again(chatWith(...marks)).entries.map(({ mark }) => mark), ['waiting', 'failed', 'sent']);
});

test('a file comes back under its name, and one that had not arrived has failed', () => {
  const files = ['done', 'running'].map((state) => ({ kind: 'file', mine: false, at: AT, id: state, transfer: { ...FILE, state }, blob: null, error: null, ...SHARED }));

  const { entries } = again(chatWith(...files));

  assert.deepEqual(entries.map(({ id, messageId, transfer }) => [id, messageId, transfer.name, transfer.state]), [
    ['done', 'an id', 'a.png', 'done'],
    ['running', 'an id', 'a.png', 'failed'],
  ]);
});

test('what is older than the time to keep is left out', () => {
  assert.equal(again(chatWith(text(), text({ at: new Date(AT.getTime() + 1) })), AT.getTime() + 1).entries.length, 1);
});

test('every change of an entry changes the fingerprint', () => {
  const prints = [
    [],
    [text()],
    [text({ at: new Date(0) })],
    [text({ mark: 'sent' })],
    [text({ mark: 'sending' })],
    [text({ edits: 3 })],
    [text({ mark: 'waiting' })],
    [text({ mark: 'waiting', text: 'hullo' })],
    [text({ reactions: { mine: '', theirs: '', isUntold: false } })],
    [text({ reactions: { mine: '👍', theirs: '❤️', isUntold: false } })],
    [text(), text()],
  ].map(fingerprint);

  assert.equal(new Set(prints).size, prints.length);
});
