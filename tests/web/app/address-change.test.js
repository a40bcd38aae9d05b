/** Change of address: believed only as both keys have signed it, over the connection of that person. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { readMove, signMove, tellMove } from '../../../web/app/address-change.js';
import { Person } from '../people.js';

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const [OLD, FRESH, ME, MALLORY] = await Promise.all([1, 2, 3, 4].map(() => Person.born()));
const MOVE = await signMove(OLD.identity, FRESH.identity, NOW);
const forMe = (move, context = {}) => readMove(move, { from: OLD.address, me: ME.address, now: NOW, ...context });

/** What the old key and Mallory's say of any *members*: whoever has both keys may sign anything. */
async function signed(members) {
  const { from, to, at } = { ...MOVE, ...members };
  const text = ['whisper-move/1', from, to, at].join('\n');
  return { from, to, at, signature: await OLD.identity.sign(text), proof: await MALLORY.identity.sign(text) };
}

test('a move that was made is read, within a day', async () => {
  assert.equal(await forMe(MOVE), FRESH.address);
  assert.equal(await forMe(MOVE, { now: NOW + DAY_MS }), FRESH.address);
  assert.equal(await forMe(await signed({ to: MALLORY.address })), MALLORY.address);
});

for (const [what, forged] of Object.entries({
  'not signed by the old address': await signMove({ address: OLD.address, sign: (text) => MALLORY.identity.sign(text) }, FRESH.identity, NOW),
  'to somebody who has not signed': await signMove(OLD.identity, { address: FRESH.address, sign: (text) => MALLORY.identity.sign(text) }, NOW),
  'with another address in it': { ...MOVE, to: MALLORY.address },
  'with another time in it': { ...MOVE, at: NOW + 1 },
  'without signatures': { from: MOVE.from, to: MOVE.to, at: MOVE.at },
  'to no key': await signed({ to: 'somewhere' }),
  'to no text': await signed({ to: [MALLORY.address] }),
  'to the same address': await signMove(OLD.identity, OLD.identity, NOW),
  'to my own address': await signMove(OLD.identity, ME.identity, NOW),
  'at no time': await signed({ to: MALLORY.address, at: 'now' }),
  nothing: null,
  text: 'moved',
})) {
  test(`a move is not believed: ${what}`, async () => {
    assert.equal(await forMe(forged), null);
  });
}

test('a move of another person is not believed', async () => {
  assert.equal(await forMe(MOVE, { from: MALLORY.address }), null);
});

for (const now of [NOW + DAY_MS + 1, NOW - DAY_MS - 1]) {
  test(`a move is not believed when it is ${now < NOW ? 'early' : 'late'} by more than a day`, async () => {
    assert.equal(await forMe(MOVE, { now }), null);
  });
}

test('known people who are connected are told, and nobody else; one that has gone holds nobody up', async () => {
  const told = [];
  const peerOf = (name) => Object.assign(new EventTarget(), { delivered: 1, send: async (value) => told.push([name, value]) && 1 });
  const gone = Object.assign(peerOf('gone'), { send: () => Promise.reject(new Error('not_connected')) });
  const chats = new Map(Object.entries({ known: peerOf('known'), stranger: peerOf('stranger'), away: null, gone }).map(([address, peer]) => [address, { address, peer }]));

  await tellMove({ chats, contacts: new Map([['known'], ['away'], ['gone']]) }, OLD.identity, FRESH.identity);

  const [[name, { app, moved }], ...others] = told;
  assert.deepEqual([name, app, others], ['known', 'whisper', []]);
  assert.equal(await forMe(moved, { now: Date.now() }), FRESH.address);
});
