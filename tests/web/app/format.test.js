/** Formatting of the values of peers: as text, and never more than the app keeps. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { MAX_KEPT, formatValue } from '../../../web/app/format.js';

const MIB = 1024 * 1024;

test('text is shown as it is', () => {
  assert.deepEqual(formatValue('{"a": 1}'), { text: '{"a": 1}', isCode: false });
});

test('any other value of JSON is shown as JSON', () => {
  assert.deepEqual(formatValue({ a: [1, null] }), { text: '{\n  "a": [\n    1,\n    null\n  ]\n}', isCode: true });
});

for (const bytes of [new Uint8Array(16 * MIB), new ArrayBuffer(16 * MIB)]) {
  test(`of bytes in ${bytes.constructor.name}, only their number is shown`, () => {
    assert.deepEqual(formatValue(bytes), { text: '17 MB', isCode: true });
  });
}

for (const [name, value] of Object.entries({ text: 'a'.repeat(16 * MIB), list: new Array(MIB).fill(0), 'text in an object': { a: 'b'.repeat(16 * MIB) } })) {
  test(`what is shown of a large value is cut: ${name}`, () => {
    assert.equal(formatValue(value).text.length, MAX_KEPT);
  });
}
