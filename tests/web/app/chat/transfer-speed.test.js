/** Speed of a transfer, by what has come since it was seen first. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { paceOf } from '../../../../web/app/chat/transfer-speed.js';

const START = { bytes: 1000, at: 5000 };

test('speed and time left go by what has come since', () => {
  assert.deepEqual(paceOf({ transferred: 3000, size: 9000 }, START, 7000), { bytesPerSecond: 1000, msLeft: 6000 });
});

test('nothing is told too early, or when nothing has come', () => {
  assert.equal(paceOf({ transferred: 3000, size: 9000 }, START, 5499), null);
  assert.equal(paceOf({ transferred: 1000, size: 9000 }, START, 9000), null);
});
