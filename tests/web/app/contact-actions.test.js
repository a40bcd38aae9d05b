/** Move of a contact to a person's new address; nobody becomes somebody else. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { signMove } from '../../../web/app/address-change.js';
import { follow } from '../../../web/app/contact-actions.js';
import { Person } from '../people.js';

const [OLD, FRESH, ME] = await Promise.all([1, 2, 3].map(() => Person.born()));
const MOVE = await signMove(OLD.identity, FRESH.identity, Date.now());

/** An app where these *known* addresses are contacts; what Node has no storage for is not kept. */
function appWith(...known) {
  const chat = { address: OLD.address, entries: [] };
  const contacts = new Map(known.map((address) => [address, { address, name: 'Ben' }]));
  const state = { identity: ME.identity, contacts, chats: new Map([[OLD.address, chat]]), selected: OLD.address };
  return { chat, state, changed: () => undefined, notices: { alert: () => undefined }, chatRepository: { move: async () => undefined } };
}

test('a contact follows with its name and chat, and the chat says so', async () => {
  const app = appWith(OLD.address);

  await follow(app, app.chat, MOVE);

  const { contacts, chats, selected } = app.state;
  assert.deepEqual([...contacts], [[FRESH.address, { address: FRESH.address, name: 'Ben' }]]);
  assert.deepEqual([...chats], [[FRESH.address, app.chat]]);
  assert.deepEqual([selected, app.chat.address, app.chat.entries[0].text], [FRESH.address, FRESH.address, 'Ben has a new address']);
});

for (const [who, known, move] of [
  ['a stranger', [], MOVE],
  ['a person whose new address is a contact already', [OLD.address, FRESH.address], MOVE],
  ['a person who speaks for another', [OLD.address], await signMove(FRESH.identity, ME.identity, Date.now())],
]) {
  test(`nothing changes by the word of ${who}`, async () => {
    const app = appWith(...known);

    await follow(app, app.chat, move);

    assert.deepEqual([...app.state.contacts.keys()], known);
    assert.deepEqual([app.chat.address, app.state.selected, app.chat.entries], [OLD.address, OLD.address, []]);
  });
}
