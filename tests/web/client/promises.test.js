/** Promise helpers: waits, and what settles them. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { deferred, pause } from '../../../client/promises.js';

test('a pause lasts as long as it says', async () => {
  const began = performance.now();

  await pause(30);

  assert.ok(performance.now() - began >= 29); // a timer may be early by less than 1 ms
});

test('a deferred promise resolves to what it is told', async () => {
  const { promise, resolve } = deferred();

  resolve('said');

  assert.equal(await promise, 'said');
});

test('a deferred promise fails with what it is told', async () => {
  const { promise, reject } = deferred();

  reject(new Error('said'));

  await assert.rejects(promise, /said/);
});

test('it is no mistake if nobody waits for a failure', async () => {
  const unhandled = [];
  process.once('unhandledRejection', (reason) => unhandled.push(reason));

  deferred().reject(new Error('nobody waits'));
  await pause(5);

  assert.deepEqual(unhandled, []);
});
