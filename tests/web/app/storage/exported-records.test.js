/** Frames of an export: what was written is read, and nothing else is believed. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { fromRecord } from '../../../../web/app/storage/chat-records.js';
import { missingIn } from '../../../../web/app/storage/export-import.js';
import { decodeRecord, encodeRecord } from '../../../../web/app/storage/exported-records.js';

const ANNA = `${'A'.repeat(43)}=`;
const AT = Date.UTC(2026, 0, 2);
const ID = '00000000-0000-4000-8000-000000000000';
const NOTE = { kind: 'note', at: AT, text: 'Missed call' };
const TEXT = { kind: 'text', at: AT, mine: true, text: 'hello', isCode: false, mark: 'sent', messageId: null, reply: null, edits: 0, reactions: { mine: '', theirs: '👍', isUntold: false } };
const FILE = { kind: 'file', at: AT, mine: false, id: 'f1', name: 'a.png', type: 'image/png', size: 3, state: 'done', messageId: ID, reactions: TEXT.reactions };
const PEOPLE = { type: 'people', contacts: [{ address: ANNA, name: 'Anna' }], blocked: [ANNA], settings: { name: 'Ben', language: 'de' } };
const chatOf = (...entries) => ({ type: 'talk', address: ANNA, talk: { entries, draft: 'I will', unread: 0, missed: 0, says: 'Ann' } });

for (const record of [PEOPLE, chatOf(NOTE, TEXT, FILE), { type: 'file', id: 'f1', content: new Uint8Array([10, 0, 255]) }]) {
  test(`${record.type} are read as they were written`, () => {
    assert.deepEqual(decodeRecord(encodeRecord(record)), record);
  });
}

test('a chat that is on its way here is neither unread nor sent again', () => {
  const { talk } = decodeRecord(encodeRecord({ ...chatOf({ ...TEXT, mark: 'waiting' }), ...{} }));

  assert.deepEqual([talk.unread, talk.missed, talk.entries[0].mark], [0, 0, 'failed']);
});

test('what no export has is left out', () => {
  const { talk } = decodeRecord(encodeRecord(chatOf({ ...TEXT, peer: 'x', value: { evil: true } })));

  assert.deepEqual(talk.entries, [TEXT]);
});

test('a reaction that is no emoji, and an id that is none, are left out', () => {
  const { talk } = decodeRecord(encodeRecord(chatOf({ ...TEXT, reactions: { mine: '👍', theirs: 'call 555' }, messageId: '"]', reply: 'x' })));

  assert.deepEqual(talk.entries, [{ ...TEXT, reactions: { mine: '👍', theirs: '', isUntold: false } }]);
});

test('a draft that was too long to be sent does not make an export useless', () => {
  const record = chatOf();
  record.talk.draft = 'x'.repeat(1_000_001);

  assert.equal(decodeRecord(encodeRecord(record)).talk.draft.length, 1_000_000);
});

test('a name that would steer how text runs is made plain', () => {
  const { contacts } = decodeRecord(encodeRecord({ ...PEOPLE, contacts: [{ address: ANNA, name: 'A\u202enn\u0000a' }] }));

  assert.equal(contacts[0].name, 'A nn a');
});

for (const [what, record] of [
  ['another type', { type: 'program' }],
  ['people without addresses', { ...PEOPLE, contacts: [{ address: 'Anna', name: '' }] }],
  ['a name that is no text', { ...PEOPLE, contacts: [{ address: ANNA, name: 5 }] }],
  ['someone blocked who is nobody', { ...PEOPLE, blocked: ['x'] }],
  ['no settings', { ...PEOPLE, settings: undefined }],
  ['a chat without entries', { ...chatOf(), talk: { draft: '' } }],
  ['an entry of another kind', chatOf({ ...TEXT, kind: 'script' })],
  ['an entry at no time', chatOf({ ...TEXT, at: 8.65e15 })],
  ['a text that is a list', chatOf({ ...TEXT, text: ['hello'] })],
  ['a file with a negative size', chatOf({ ...FILE, size: -1 })],
  ['a note as long as a book', chatOf({ ...NOTE, text: 'x'.repeat(1001) })],
  ['a message of more than a page keeps', chatOf({ ...TEXT, text: 'x'.repeat(1_000_001) })],
  ['a file whose type has no end', chatOf({ ...FILE, type: 'x'.repeat(1001) })],
  ['a chat of more entries than a page keeps', chatOf(...Array(2001).fill(NOTE))],
  ['more people than anybody knows', { ...PEOPLE, blocked: Array(10_001).fill(ANNA) }],
  ['reactions that are numbers', chatOf({ ...TEXT, reactions: { mine: 1, theirs: '' } })],
]) {
  test(`${what} is refused`, () => {
    assert.throws(() => decodeRecord(encodeRecord(record)), { code: 'damaged_export' });
  });
}

for (const bytes of [[], [123, 10], [255, 254, 10], [110, 117, 108, 108, 10]]) {
  test(`a frame of the bytes ${bytes} is refused`, () => {
    assert.throws(() => decodeRecord(new Uint8Array(bytes)), { code: 'damaged_export' });
  });
}

test('what is here already does not come twice, nor what an export has twice', () => {
  const { entries } = fromRecord(chatOf(NOTE, TEXT, FILE, { ...TEXT, at: AT + 1 }, { ...TEXT, at: AT + 1 }).talk, 0);
  const here = fromRecord(chatOf(NOTE, TEXT).talk, 0).entries;

  assert.deepEqual(missingIn(here, entries).map(({ kind, at }) => [kind, at.getTime()]), [['file', AT], ['text', AT + 1]]);
});

test('a message that was edited since the export does not come twice', () => {
  const entriesOf = (text) => fromRecord(chatOf({ ...TEXT, text, messageId: 'm7' }).talk, 0).entries;

  assert.deepEqual(missingIn(entriesOf('hello Ben'), entriesOf('hello')), []);
});
