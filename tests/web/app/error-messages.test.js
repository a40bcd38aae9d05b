import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { REASONS } from '../../../client/protocol/errors.js';
import { isChoiceCancelled, wordsOf, wordsOfMedia } from '../../../web/app/error-messages.js';

const protocol = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
const ofServer = [...protocol.matchAll(/^\| \d{3} \| `(\w+)` \|/gm)].map(([, code]) => code);
const unknown = wordsOf({ code: 'of tomorrow', message: 'x' });

test('the table of the protocol has codes', () => {
  assert.ok(ofServer.length > 25);
});

for (const code of [...Object.keys(REASONS), ...ofServer]) {
  test(`a person reads what happened and what to do: ${code}`, () => {
    const { title, advice } = wordsOf({ code, message: 'x' });

    assert.ok(title && advice);
    assert.notDeepEqual([title, advice], [unknown.title, unknown.advice]);
  });
}

const MEDIA_ERRORS = ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'OverconstrainedError', 'AbortError', 'SecurityError', 'InvalidStateError'];

for (const device of ['microphone', 'camera', 'screen']) {
  test(`a person reads why there is no ${device}, and what to do about it`, () => {
    for (const name of MEDIA_ERRORS) {
      const { title, advice } = wordsOfMedia(new DOMException('x', name), device);

      assert.ok(title && advice);
      assert.notDeepEqual([title, advice], [unknown.title, 'x'], name);
      assert.ok(device !== 'screen' || !/connect/i.test(advice), `nobody connects a screen: ${name}`);
    }
  });
}

test('a screen that the system refuses is told of, and one that nobody chose is not', () => {
  const refusals = ['Permission denied by system', 'Permission denied by user'].map((message) => new DOMException(message, 'NotAllowedError'));

  assert.deepEqual(refusals.map(isChoiceCancelled), [false, true]);
});
