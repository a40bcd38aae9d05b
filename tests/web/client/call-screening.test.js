/** Call screening: blocked addresses, calls that do not ring, and how many pushes may show nothing. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { FOR_EVER, block, forgetSilent, isQuiet, mayStaySilent, readScreening, setQuiet, unblock } from '../../../client/call-screening.js';
import { listUnhandled, receive } from '../../../client/push/inbox.js';
import { Memory } from '../memory-store.js';
import { Person } from '../people.js';

const MALLORY = 'A'.repeat(43) + '=';

test('at first nobody is blocked, and calls ring', async () => {
  const screening = await readScreening(new Memory());

  assert.deepEqual([[...screening.blocked], isQuiet(screening, 0)], [[], false]);
});

test('who is blocked twice is blocked once, and can be let in again', async () => {
  const store = new Memory();
  for (const address of [MALLORY, 'B', MALLORY]) await block(store, address);
  const { blocked } = await readScreening(store);
  await unblock(store, MALLORY);

  assert.deepEqual([[...blocked], [...(await readScreening(store)).blocked]], [[MALLORY, 'B'], ['B']]);
});

test('calls of who is blocked wait for a page no longer', async () => {
  const [ben, mallory, anna] = [await Person.born(), await Person.born(), await Person.born()];
  for (const caller of [mallory, anna]) await receive(ben.store, await caller.dial(ben, Date.now()));

  await block(ben.store, mallory.address);

  assert.deepEqual((await listUnhandled(ben.store)).map(({ sender }) => sender), [anna.address]);
});

for (const [until, now, quiet] of [
  [1000, 999, true],
  [1000, 1000, false],
  [FOR_EVER, Date.now(), true],
  [0, Date.now(), false],
]) {
  test(`calls ${quiet ? 'do not ring' : 'ring'} at ${now} when it is quiet until ${until}`, async () => {
    const store = new Memory();
    await setQuiet(store, until);

    assert.equal(isQuiet(await readScreening(store), now), quiet);
  });
}

test('three pushes show nothing while no page is open, and the next must', async () => {
  const store = new Memory();
  const silent = [];
  for (let count = 0; count < 5; count += 1) silent.push(await mayStaySilent(store, false));

  assert.deepEqual(silent, [true, true, true, false, false]);
});

test('an open page, or its start, lets pushes be silent again', async () => {
  const store = new Memory();
  for (let count = 0; count < 4; count += 1) await mayStaySilent(store, false);
  const withPage = [await mayStaySilent(store, true), await mayStaySilent(store, false)];
  for (let count = 0; count < 4; count += 1) await mayStaySilent(store, false);
  await forgetSilent(store);

  assert.deepEqual([...withPage, await mayStaySilent(store, false)], [true, true, true]);
});
