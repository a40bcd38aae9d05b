/** Import of an export: whatever is in it, what is here stays. */

import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { addEntry, chatWith, createState } from '../../../../web/app/state.js';
import { importAll } from '../../../../web/app/storage/export-import.js';
import { encodeRecord } from '../../../../web/app/storage/exported-records.js';
import { SealedFileWriter } from '../../../../web/app/storage/sealed-file.js';

const PASSPHRASE = 'a b c d e f g';
const AT = Date.UTC(2026, 0, 2);
globalThis.MediaStream = class {
  getTracks = () => [];
};

const addressOf = (at) => `${'ABCDEFGHIJ'[at % 10]}${'ABCDEFGHIJ'[Math.floor(at / 10)]}${'A'.repeat(41)}=`;
const textOf = (text, at = AT) => ({ kind: 'text', at, mine: false, text, isCode: false, mark: 'delivered' });
const fileOf = (id) => ({ kind: 'file', at: AT, mine: false, id, name: 'a', type: '', size: 1, state: 'done' });
const chatOf = (address, ...entries) => ({ type: 'talk', address, talk: { entries, draft: '' } });

let app;

beforeEach(() => {
  app = { state: createState(), changed: () => undefined, chatRepository: { flush: async () => undefined } };
});

/** Import a file with these records. */
async function imports(...records) {
  const writer = await SealedFileWriter.create(PASSPHRASE, 1);
  for (const record of records) await writer.add(encodeRecord(record));
  return importAll(app, await writer.end(), PASSPHRASE);
}

test('long messages do not push out what is here', async () => {
  const chat = chatWith(app.state, addressOf(0));
  addEntry(chat, { ...textOf('here'), at: new Date(AT) });

  await imports(chatOf(addressOf(0), ...Array.from({ length: 12 }, (_, at) => textOf('x'.repeat(1_000_000), AT + at + 1))));
  addEntry(chat, { ...textOf('next'), at: new Date() });

  assert.equal(chat.entries[0].text, 'here');
});

test('chats with strangers do not take the place of those that are here', async () => {
  const here = chatWith(app.state, addressOf(99));

  await imports(...Array.from({ length: 50 }, (_, at) => chatOf(addressOf(at), textOf('hello'))));

  assert.equal(app.state.chats.get(addressOf(99)), here);
});

test('a file that another chat has stays with that one', async () => {
  await imports(chatOf(addressOf(1), fileOf('f1')), { type: 'file', id: 'f1', content: new Uint8Array([1]) });
  const added = await imports(chatOf(addressOf(2), fileOf('f1')), { type: 'file', id: 'f1', content: new Uint8Array([2]) });

  assert.deepEqual(added, { people: 0, entries: 0, files: 0 });
});

test('people come once, or they would have no end', async () => {
  const people = { type: 'people', contacts: [], blocked: [], settings: { name: '', language: '' } };

  await assert.rejects(imports(people, people), { code: 'damaged_export' });
});
