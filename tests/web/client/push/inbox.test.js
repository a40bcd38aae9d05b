/** Inbox of pushes: the checks, their order, and what is kept. The browser's storage has its own tests. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { canonical } from '../../../../client/protocol/messages.js';
import { isMissed, listUnhandled, markHandled, parkClick, receive, takeClick } from '../../../../client/push/inbox.js';
import { Memory } from '../../memory-store.js';
import { Person } from '../../people.js';
import { base64, droppedAs, fromHex } from '../../vectors.js';

const MINUTE_MS = 60_000;
const [ALICE, MALLORY] = [await Person.born(), await Person.born()];
/** Nobody: the key of order 1, for which this signature verifies every text where a browser is not strict. */
const NOBODY = { address: base64(fromHex(`01${'00'.repeat(31)}`)), signature: base64(fromHex(`58${'66'.repeat(31)}01${'00'.repeat(31)}`)) };

/** Return what a push would make of *call*. */
const named = ({ sender, method }) => [sender, method];
/** Return why pushes were dropped, as they were counted. */
const counted = ({ store }) => store.get('state', 'dropped');
/** Put a dial that came *age* ms ago. */
const keep = (store, age, more = {}) => store.put('calls', { method: 'dial', sentAt: Date.now() - age, signature: `${age}`, ...more });

test('a dial is believed', async () => {
  const bob = await Person.born();

  const call = await receive(bob.store, await ALICE.dial(bob, Date.now()));

  assert.deepEqual(named(call), [ALICE.address, 'dial']);
});

test('what was believed waits for a page', async () => {
  const bob = await Person.born();
  const call = await receive(bob.store, await ALICE.dial(bob, Date.now()));

  assert.deepEqual(await listUnhandled(bob.store), [call]);
});

test('what a page has dealt with waits no longer', async () => {
  const bob = await Person.born();
  const call = await receive(bob.store, await ALICE.dial(bob, Date.now()));

  await markHandled(bob.store, call);

  assert.deepEqual(await listUnhandled(bob.store), []);
});

test('the same push again is dropped', async () => {
  const bob = await Person.born();
  const push = await ALICE.dial(bob, Date.now());
  await receive(bob.store, push);

  await assert.rejects(receive(bob.store, push), droppedAs('seen'));
});

test('the same push again is dropped after a page has dealt with it', async () => {
  const bob = await Person.born();
  const push = await ALICE.dial(bob, Date.now());
  await markHandled(bob.store, await receive(bob.store, push));

  await assert.rejects(receive(bob.store, push), droppedAs('seen'));
});

test('of two at once, one is believed', async () => {
  const bob = await Person.born();
  const push = await ALICE.dial(bob, Date.now());

  const outcomes = await Promise.allSettled([receive(bob.store, push), receive(bob.store, push)]);

  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('what somebody else has signed is forged', async () => {
  const bob = await Person.born();
  const push = await ALICE.dial(bob, Date.now());

  const c = await MALLORY.identity.sign(push.b);

  await assert.rejects(receive(bob.store, { ...push, c }), droppedAs('forged'));
});

test('nobody rings: a sender of small order is forged', async () => {
  const bob = await Person.born();
  const text = canonical({ a: NOBODY.address, b: Date.now(), c: bob.address, d: ALICE.encryptionKey.publicKey });

  await assert.rejects(receive(bob.store, { a: 'dial', b: text, c: NOBODY.signature }), droppedAs('forged'));
});

test('what is forged does not hide what is not', async () => {
  const bob = await Person.born();
  const push = await ALICE.dial(bob, Date.now());
  await assert.rejects(receive(bob.store, { ...push, c: await MALLORY.identity.sign(push.b) }), droppedAs('forged'));

  assert.equal((await receive(bob.store, push)).sender, ALICE.address);
});

test('a call to another is not for me, whoever has signed it', async () => {
  const bob = await Person.born();
  const push = { ...(await ALICE.dial(MALLORY, Date.now())), c: await MALLORY.identity.sign('something else') };

  await assert.rejects(receive(bob.store, push), droppedAs('not_for_me'));
});

test('an old call is stale, whoever it is for', async () => {
  const bob = await Person.born();

  await assert.rejects(receive(bob.store, await ALICE.dial(MALLORY, Date.now() - 2 * MINUTE_MS)), droppedAs('stale'));
});

test('age is told by the clock of the server', async () => {
  const bob = await Person.born();
  await bob.store.put('state', 3_600_000, 'ahead');

  const call = await receive(bob.store, await ALICE.dial(bob, Date.now() + 3_600_000));

  assert.equal(call.sender, ALICE.address);
});

test('without an identity nothing is for me', async () => {
  await assert.rejects(receive(new Memory(), await ALICE.dial(MALLORY, Date.now())), droppedAs('not_for_me'));
});

test('what is dropped is counted by its reason', async () => {
  const bob = await Person.born();

  for (const push of [null, {}, await ALICE.dial(MALLORY, Date.now())]) await receive(bob.store, push).catch(() => undefined);

  assert.deepEqual(await counted(bob), { not_a_call: 2, not_for_me: 1 });
});

test('what is dropped is not kept', async () => {
  const bob = await Person.born();

  await receive(bob.store, await ALICE.dial(MALLORY, Date.now())).catch(() => undefined);

  assert.deepEqual(await bob.store.all('calls'), []);
});

test('the oldest waits first', async () => {
  const store = new Memory();

  for (const age of [5, 50, 20]) await keep(store, age);

  assert.deepEqual((await listUnhandled(store)).map(({ signature }) => signature), ['50', '20', '5']);
});

test('a missed call stays, and one that another device has taken; what is too old to come again does not', async () => {
  const bob = await Person.born();
  await keep(bob.store, 3 * MINUTE_MS);
  await keep(bob.store, 3 * MINUTE_MS + 1, { settled: true });
  await keep(bob.store, 3 * MINUTE_MS + 2, { method: 'offer' });
  await keep(bob.store, 3 * MINUTE_MS + 3, { settled: true, untold: true });

  await receive(bob.store, await ALICE.dial(bob, Date.now()));

  assert.deepEqual((await bob.store.all('calls')).map(({ signature }) => signature).slice(0, -1), [String(3 * MINUTE_MS), String(3 * MINUTE_MS + 3)]);
});

test('what may come again is remembered', async () => {
  const bob = await Person.born();
  await keep(bob.store, 2 * MINUTE_MS - 1000, { settled: true }); // a minute ahead when it came, it is believed until now

  await receive(bob.store, await ALICE.dial(bob, Date.now()));

  assert.equal((await bob.store.all('calls')).length, 2);
});

test('of many missed calls the latest stay', async () => {
  const bob = await Person.born();
  for (let number = 0; number < 150; number += 1) await keep(bob.store, 3 * MINUTE_MS + number);

  await receive(bob.store, await ALICE.dial(bob, Date.now()));

  const kept = (await listUnhandled(bob.store)).map(({ sentAt }) => Date.now() - sentAt);
  assert.equal(kept.length, 101);
  assert.ok(kept[0] < 3 * MINUTE_MS + 1000);
});

test('a dial that is a minute old is a missed call', () => {
  const told = [MINUTE_MS, MINUTE_MS + 1].map((now) => isMissed({ sentAt: 0 }, now));

  assert.deepEqual(told, [false, true]);
});

test('a click is taken as it was parked', async () => {
  const { store } = await Person.born();
  await parkClick(store, { address: ALICE.address, action: 'decline' }, 0);

  assert.deepEqual(await takeClick(store, MINUTE_MS), { address: ALICE.address, action: 'decline' });
});

test('a click is taken once', async () => {
  const { store } = await Person.born();
  await parkClick(store, { address: ALICE.address, action: 'answer' }, 0);

  await takeClick(store, 1);

  assert.equal(await takeClick(store, 1), undefined);
});

for (const [name, now] of [['over a minute old', MINUTE_MS + 1], ['from the future', -1], ['of no time', NaN]]) {
  test(`a click that is ${name} is forgotten`, async () => {
    const { store } = await Person.born();
    await parkClick(store, { address: ALICE.address, action: 'answer' }, 0);

    const taken = [await takeClick(store, now), await takeClick(store, 0)];

    assert.deepEqual(taken, [undefined, undefined]);
  });
}
