import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { REASONS } from '../../../client/protocol/errors.js';
import { wordsOf } from '../../../web/app/error-messages.js';

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
