/** Recovery code: the sealed identity on another device, which opens with its code alone. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { Identity, verify } from '../../../../client/identity.js';
import { newRecoveryCode, parseRecoveryCode } from '../../../../client/protocol/recovery-code.js';
import { Memory } from '../../memory-store.js';
import { withCode } from '../../vectors.js';

const HERE = new Memory();
const { identity: ME } = await Identity.create({ store: HERE });
const { identity: OTHER } = await Identity.create({ store: new Memory() });

test('another device gets the same identity', async () => {
  const there = new Memory();

  const restored = await Identity.restore(ME.recovery, ME.recoveryCode, { store: there });

  assert.equal(restored.address, ME.address);
  assert.ok(await verify(ME.address, 'text', await (await Identity.load(there)).sign('text')));
});

test('and can pass it on', async () => {
  const there = new Memory();
  await Identity.restore(ME.recovery, ME.recoveryCode, { store: there });

  assert.equal((await Identity.load(there)).recovery, ME.recovery);
});

test('the code is kept nowhere', async () => {
  const kept = await HERE.get('identity', 'me');

  assert.deepEqual(Object.keys(kept).sort(), ['address', 'key', 'recovery']);
  assert.equal((await Identity.load(HERE)).recoveryCode, undefined);
  assert.ok(!JSON.stringify(kept).includes(ME.recoveryCode.replaceAll('-', '').slice(0, 8)));
});

test('the key cannot be taken out, though it was sealed before', async () => {
  const { key } = await HERE.get('identity', 'me');

  assert.equal(key.extractable, false);
});

test('two windows that make one at once have one code for it', async () => {
  const store = new Memory();

  const made = await Promise.all([Identity.loadOrCreate(store), Identity.loadOrCreate(store)]);

  assert.equal(made[0].address, made[1].address);
  assert.equal(made.filter(({ recoveryCode }) => recoveryCode).length, 1);
});

test("somebody else's code does not open it", async () => {
  await assert.rejects(Identity.restore(ME.recovery, OTHER.recoveryCode, { store: new Memory() }), withCode('wrong_code'));
});

test('a passphrase does not open it', async () => {
  await assert.rejects(Identity.restore(ME.recovery, 'correct horse', { store: new Memory() }), withCode('mistyped_code'));
});

test('what is sealed names no other address', async () => {
  const forged = JSON.stringify({ ...JSON.parse(ME.recovery), address: OTHER.address });

  await assert.rejects(Identity.restore(forged, ME.recoveryCode, { store: new Memory() }), withCode('wrong_code'));
});

test('a code has 120 random bits', async () => {
  const codes = await Promise.all(Array.from({ length: 200 }, newRecoveryCode));

  assert.ok(codes.every((code) => /^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}$/.test(code)));
  assert.equal(new Set(codes.map((code) => code.slice(0, 9))).size, 200);
});

const TYPINGS = {
  'lower case': (code) => code.toLowerCase(),
  'spaces instead of hyphens': (code) => ` ${code.replaceAll('-', ' ')}\n`,
  'no hyphens': (code) => code.replaceAll('-', ''),
  'long dashes': (code) => code.replaceAll('-', '–'),
  'letters for digits': (code) => code.replaceAll('0', 'o').replaceAll('1', 'l'),
};

for (const [name, typed] of Object.entries(TYPINGS)) {
  test(`a code may be typed with ${name}`, async () => {
    const code = await newRecoveryCode();

    assert.equal(await parseRecoveryCode(typed(code)), code.replaceAll('-', ''));
  });
}

test('a slip of one sign, or of two that are swapped, is noticed', async () => {
  const code = (await newRecoveryCode()).replaceAll('-', '');
  const other = (sign) => (sign === 'A' ? 'B' : 'A');
  const slips = [...code].map((sign, at) => code.slice(0, at) + other(sign) + code.slice(at + 1));
  const swaps = [...code].slice(1).map((sign, at) => code.slice(0, at) + sign + code[at] + code.slice(at + 2)).filter((swapped) => swapped !== code);

  for (const typed of [...slips, ...swaps, code.slice(1), `${code}A`, '']) await assert.rejects(parseRecoveryCode(typed), withCode('mistyped_code'));
});
