/** Byte budget: one bound for the memory that the other side may take. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { ByteBudget } from '../../../../client/rtc/byte-budget.js';

const ITEM_COSTS_BYTES = 1024;

test('what is over the budget is refused, and takes nothing', () => {
  const budget = new ByteBudget(10_000);

  const taken = [budget.take(4_000), budget.take(8_000), budget.take(6_000 - 2 * ITEM_COSTS_BYTES)];

  assert.deepEqual(taken, [true, false, true]);
});

test('what is given back can be taken again', () => {
  const budget = new ByteBudget(10_000);
  budget.take(8_000);

  budget.give(8_000);

  assert.equal(budget.take(8_000), true);
});

test('what is empty is not free', () => {
  const budget = new ByteBudget(10 * ITEM_COSTS_BYTES);

  const taken = Array.from({ length: 11 }, () => budget.take(0));

  assert.deepEqual(taken.indexOf(false), 10);
});
