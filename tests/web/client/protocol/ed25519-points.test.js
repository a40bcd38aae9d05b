/** Points of Ed25519: a key is one of large order, in its one spelling. */

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import test from 'node:test';

import { isKey } from '../../../../client/protocol/ed25519-points.js';
import { fromHex, vectors } from '../../vectors.js';

/** A new key, as WebCrypto and OpenSSL make it. */
const newKey = () => new Uint8Array(generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));

test('every key that somebody makes is one', () => {
  assert.ok(Array.from({ length: 100 }, newKey).every(isKey));
});

test('every key of the vectors of Wycheproof is one', () => {
  const keys = vectors('wycheproof/ed25519_test.json').testGroups.map(({ publicKey }) => fromHex(publicKey.pk));

  assert.ok(keys.length > 5 && keys.every(isKey));
});

test('half of all texts are no point', () => {
  const texts = Array.from({ length: 200 }, () => crypto.getRandomValues(new Uint8Array(32)));

  const keys = texts.filter(isKey).length;

  assert.ok(keys > 60 && keys < 140, `${keys} of 200`);
});
