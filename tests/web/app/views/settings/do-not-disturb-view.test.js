/** "Do not disturb", which ends when its name says, by the clock on the wall. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { FOR_EVER } from '../../../../../client/call-screening.js';
import { endOf } from '../../../../../web/app/views/settings/do-not-disturb-view.js';

const at = (day, hour, minute = 0) => new Date(2026, 0, day, hour, minute);

for (const [choice, now, end] of [
  ['off', at(5, 12), 0],
  ['ever', at(5, 12), FOR_EVER],
  ['hour', at(5, 23, 30), at(6, 0, 30).getTime()],
  ['morning', at(5, 23, 30), at(6, 8).getTime()],
  ['morning', at(6, 1), at(6, 8).getTime()],
  ['morning', at(6, 8), at(7, 8).getTime()],
]) {
  test(`${choice}, chosen at ${now.toTimeString().slice(0, 5)}`, () => {
    assert.equal(endOf(choice, now), end);
  });
}
