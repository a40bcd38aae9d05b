/** Receive queue: messages wait for their reader. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { pause } from '../../../../client/promises.js';
import { ReceiveQueue } from '../../../../client/rtc/receive-queue.js';

const MAX_UNREAD = 4096;

/** Return everything in *queue* until it ends. */
async function all(queue) {
  const read = [];
  for await (const value of queue) read.push(value);
  return read;
}

/** Push *count* numbers from 0. */
function fill(queue, count) {
  for (let number = 0; number < count; number += 1) queue.push(number);
}

test('messages that came before their reader are read, in order', async () => {
  const queue = new ReceiveQueue(assert.fail);

  fill(queue, 3);
  queue.end();

  assert.deepEqual(await all(queue), [0, 1, 2]);
});

test('messages that come later are read', async () => {
  const queue = new ReceiveQueue(assert.fail);

  const reading = all(queue);
  for (const value of ['one', null, undefined]) {
    await pause(1);
    queue.push(value);
  }
  queue.end();

  assert.deepEqual(await reading, ['one', null, undefined]);
});

test('the end wakes a reader who waits', async () => {
  const queue = new ReceiveQueue(assert.fail);

  const reading = all(queue);
  await pause(1);
  queue.end();

  assert.deepEqual(await reading, []);
});

test('who stops reading goes on later', async () => {
  const queue = new ReceiveQueue(assert.fail);
  fill(queue, 2);
  for await (const first of queue) {
    assert.equal(first, 0);
    break;
  }

  queue.end();

  assert.deepEqual(await all(queue), [1]);
});

test('while nobody reads, the oldest give way', async () => {
  const queue = new ReceiveQueue(assert.fail);

  fill(queue, MAX_UNREAD + 1);
  queue.end();

  const read = await all(queue);
  assert.deepEqual([read.length, read[0]], [MAX_UNREAD, 1]);
});

test('a reader who is too slow is told', async () => {
  let overflows = 0;
  const queue = new ReceiveQueue(() => (overflows += 1));
  queue.push('read');
  await queue[Symbol.asyncIterator]().next();

  fill(queue, MAX_UNREAD + 1);

  assert.equal(overflows, 1);
});

test('who has stopped reading is not too slow', async () => {
  const queue = new ReceiveQueue(assert.fail);
  queue.push('read');
  for await (const value of queue) if (value) break;

  fill(queue, MAX_UNREAD + 1);
});
