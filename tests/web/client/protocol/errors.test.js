/** Error codes, each stable and with a sentence. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { REASONS, Dropped, WhisperError } from '../../../../client/protocol/errors.js';

const PROTOCOL = readFileSync(new URL('../../../../docs/protocol.md', import.meta.url), 'utf8');

test('a code of ours comes with its sentence', () => {
  assert.equal(new WhisperError('hung_up').message, 'They hung up.');
});

test("the server's sentence is kept", () => {
  assert.equal(new WhisperError('not_json', { message: 'Not JSON.' }).message, 'Not JSON.');
});

test('a code that nobody knows is its own sentence', () => {
  assert.equal(new WhisperError('from_the_future').message, 'from_the_future');
});

test('an error carries what the server told, and what caused it', () => {
  const cause = new Error('why');

  const { retryAfter, status, cause: kept } = new WhisperError('too_many_calls', { retryAfter: 5, status: 429, cause });

  assert.deepEqual({ retryAfter, status, kept }, { retryAfter: 5, status: 429, kept: cause });
});

test('what is dropped says why', () => {
  assert.equal(new Dropped('stale').reason, 'stale');
});

for (const [code, reason] of Object.entries(REASONS)) {
  test(`${code} is one sentence for a person`, () => {
    assert.match(reason, /^[A-Z][^.]*\.$/);
  });
}

test('no code of ours is one of the server, but for the two that mean the same', () => {
  const theirs = [...PROTOCOL.matchAll(/^\| \d{3} \| `(\w+)` \|/gm)].map(([, code]) => code);

  const shared = theirs.filter((code) => Object.hasOwn(REASONS, code));

  assert.ok(theirs.length > 25, 'the table of docs/protocol.md was not found');
  assert.deepEqual(shared, ['not_json', 'message_too_large']);
});
