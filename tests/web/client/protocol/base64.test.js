/** Canonical base64: one value has one spelling. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { decode, decodeUrl, encode } from '../../../../client/protocol/base64.js';
import { vectors } from '../../vectors.js';

// Alice's of the wire vectors: her text has a plus sign.
const KEY = vectors('wire.json').keys.alice.public;

const OTHER_SPELLINGS = {
  'the url alphabet': KEY.replace('+', '-'),
  'no padding': KEY.replace('=', ''),
  'too much padding': `${KEY}=`,
  'padding inside': `${KEY.slice(0, 20)}=${KEY.slice(20)}`,
  'trailing bits that are not zero': `${KEY.slice(0, -2)}t=`,
  'a line break at its end': `${KEY}\n`,
  'a line break inside': `${KEY.slice(0, 22)}\n${KEY.slice(22)}`,
  'a space before it': ` ${KEY}`,
  'a NUL at its end': `${KEY}\0`,
  'full-width letters': KEY.replace('0', '０'),
  'a lone surrogate': `\ud800${KEY.slice(1)}`,
};

test('what is encoded is decoded', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);

  assert.deepEqual(decode(encode(bytes)), bytes);
});

test('bytes are spelled as everybody spells them', () => {
  const bytes = crypto.getRandomValues(new Uint8Array(1000));

  assert.equal(encode(bytes), Buffer.from(bytes).toString('base64'));
});

test('an ArrayBuffer is encoded as its bytes', () => {
  assert.equal(encode(Uint8Array.of(1, 2, 3).buffer), 'AQID');
});

test('more bytes than a function takes arguments can be encoded', () => {
  const bytes = new Uint8Array(200_000).fill(7);

  assert.equal(decode(encode(bytes), 200_000).at(-1), 7);
});

test('nothing is spelled as nothing', () => {
  assert.equal(decode('').length, 0);
});

for (const [name, text] of Object.entries(OTHER_SPELLINGS)) {
  test(`a key with ${name} is refused`, () => {
    assert.throws(() => decode(text), RangeError);
  });
}

for (const size of [31, 33]) {
  test(`${size} bytes are not 32`, () => {
    assert.throws(() => decode(encode(new Uint8Array(size)), 32), RangeError);
  });
}

test('the key of a push service is read as browsers spell it', () => {
  assert.deepEqual(decodeUrl('-_8'), Uint8Array.of(0xfb, 0xff));
});

test('a key that is no base64 in any alphabet is refused', () => {
  assert.throws(() => decodeUrl('*'), RangeError);
});
