/** Typed events, ended by a signal. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { Emitter } from '../../../client/emitter.js';

test('a listener is given what was emitted', () => {
  const emitter = new Emitter();
  const heard = [];
  emitter.on('said', (value) => heard.push(value));

  for (const value of [1, null, 'x']) emitter.emit('said', value);

  assert.deepEqual(heard, [1, null, 'x']);
});

test('a listener hears no other event', () => {
  const emitter = new Emitter();
  emitter.on('said', assert.fail);

  emitter.emit('shown', 1);
});

test('a signal ends the listening', () => {
  const emitter = new Emitter();
  const listening = new AbortController();
  emitter.on('said', assert.fail, listening.signal);

  listening.abort();

  emitter.emit('said', 1);
});
