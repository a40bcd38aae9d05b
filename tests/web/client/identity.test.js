/** Identity: signatures with one meaning, and a backup that opens with its passphrase alone. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import { Identity, verify } from '../../../client/identity.js';
import { isStrict } from '../../../client/protocol/ed25519-points.js';
import { canonical } from '../../../client/protocol/messages.js';
import { Memory } from '../memory-store.js';
import { base64, fromHex, vectors, withCode } from '../vectors.js';

const WIRE = vectors('wire.json').cases;
const SPECCHECK = vectors('ed25519-speccheck/cases.json');
const WYCHEPROOF = vectors('wycheproof/ed25519_test.json').testGroups.flatMap(({ publicKey, tests }) =>
  tests.map((one) => ({ ...one, address: base64(fromHex(publicKey.pk)), text: Buffer.from(one.msg, 'hex').toString() })),
);
const isText = ({ msg, text }) => Buffer.from(text).toString('hex') === msg;

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n; // the order of the base point: RFC 8032, section 5.1

const SMALL_ORDER = vectors('ed25519_points.json').small_order;
const NEUTRAL = fromHex(SMALL_ORDER[2]);
/** Nobody's signature: R is the base point and S is 1, so that it verifies wherever the key, times a hash, adds nothing. */
const NOBODYS = base64(fromHex(`58${'66'.repeat(31)}01${'00'.repeat(31)}`));
/** The cases of speccheck that are neither of small order nor spelled unusually; they differ in what follows. */
const SOUND = [3, 4, 5];

const littleEndian = (number) => fromHex(number.toString(16).padStart(64, '0')).reverse();
const toNumber = (bytes) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);

for (const one of WIRE) {
  test(`a signature of the vectors is judged as there: ${one.name}`, async () => {
    const { b: data, c: signature } = one.request;

    assert.equal(await verify(data.a, canonical(data), signature), one.valid_signature);
  });
}

for (const one of WYCHEPROOF.filter(isText)) {
  test(`a signature is judged as by Wycheproof: ${one.tcId} ${one.flags}`, async () => {
    assert.equal(await verify(one.address, one.text, base64(fromHex(one.sig))), one.result === 'valid');
  });
}

for (const hex of SMALL_ORDER) {
  test(`nobody signs for an address of small order: ${hex}`, async () => {
    // Such a key verifies every text, or every second, fourth or eighth, where WebCrypto is not strict: it must not be asked.
    const texts = Array.from({ length: 64 }, (_, number) => `dial ${number}`);

    const judged = await Promise.all(texts.map((text) => verify(base64(fromHex(hex)), text, NOBODYS)));

    assert.ok(judged.every((verified) => !verified));
    assert.equal(isStrict(fromHex(hex), Buffer.from(NOBODYS, 'base64')), false);
  });
}

test('an address that is spelled unusually is nobody', () => {
  const [signature, usual] = [Buffer.from(NOBODYS, 'base64'), littleEndian(2n ** 255n - 20n - 4n)];

  const judged = Array.from({ length: 19 }, (_, over) => isStrict(littleEndian(P + BigInt(over)), signature));

  assert.ok(judged.every((strict) => !strict));
  assert.ok(isStrict(usual, signature));
});

SPECCHECK.forEach(({ pub_key: key, signature }, number) => {
  // These sign bytes that are no text, so that what is said before the text is looked at is judged.
  test(`a key and a signature are judged as strictly as by speccheck: ${number}`, () => {
    assert.equal(isStrict(fromHex(key), fromHex(signature)), SOUND.includes(number));
  });
});

/** Return somebody's address, and a signature of theirs with an R of small order: some WebCrypto takes it. */
async function signedWithWeakR(text) {
  const seed = createHash('sha512').update('a seed').digest().subarray(0, 32);
  const expanded = createHash('sha512').update(seed).digest();
  expanded[0] &= 0xf8;
  expanded[31] = (expanded[31] & 0x7f) | 0x40;
  const scalar = toNumber(expanded.subarray(0, 32));
  const pkcs8 = Buffer.concat([fromHex('302e020100300506032b657004220420'), seed]);
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign']);
  const address = Buffer.from((await crypto.subtle.exportKey('jwk', key)).x, 'base64url');
  const hash = toNumber(createHash('sha512').update(NEUTRAL).update(address).update(text).digest()) % L;
  return { address, signature: base64(Buffer.concat([NEUTRAL, littleEndian((hash * scalar) % L)])) };
}

test('a signature whose R has small order is refused', async () => {
  const { address, signature } = await signedWithWeakR('dial');

  assert.equal(isStrict(address, Buffer.from(signature, 'base64')), false);
  assert.equal(await verify(base64(address), 'dial', signature), false);
});

test('the same signature with S + L is refused before anybody looks: a call has one signature', async () => {
  const { identity } = await Identity.create({ store: new Memory() });
  const signature = fromHex(Buffer.from(await identity.sign('dial'), 'base64').toString('hex'));

  const other = Buffer.concat([signature.subarray(0, 32), littleEndian(toNumber(signature.subarray(32)) + L)]);

  const address = fromHex(Buffer.from(identity.address, 'base64').toString('hex'));
  assert.deepEqual([isStrict(address, signature), isStrict(address, other)], [true, false]);
});

const NO_SIGNATURES = { 'of 63 bytes': base64(new Uint8Array(63)), 'that is no base64': 'what?', 'of nothing': '' };

for (const [name, signature] of Object.entries(NO_SIGNATURES)) {
  test(`a signature ${name} verifies nothing`, async () => {
    assert.equal(await verify(WIRE[0].request.b.a, 'dial', signature), false);
  });
}

test('what I sign is mine', async () => {
  const { identity } = await Identity.create({ store: new Memory() });

  const signature = await identity.sign('grüß dich');

  assert.equal(await verify(identity.address, 'grüß dich', signature), true);
});

test('an identity is kept, and cannot be taken from where it is', async () => {
  const store = new Memory();

  const { identity, backup } = await Identity.create({ store });

  assert.equal((await Identity.load(store)).address, identity.address);
  assert.equal((await store.get('identity', 'me')).key.extractable, false);
  assert.equal(backup, undefined);
});

test('before there is an identity, none is loaded', async () => {
  assert.equal(await Identity.load(new Memory()), undefined);
});

const [HERE, ELSEWHERE] = [new Memory(), new Memory()];
const { identity: BACKED_UP, backup: BACKUP } = await Identity.create({ passphrase: 'crème brûlée', store: HERE });

test('a backup restores the identity in another browser', async () => {
  const decomposed = 'crème brûlée'.normalize('NFD'); // as another keyboard types it

  await Identity.restore(BACKUP, decomposed, { store: ELSEWHERE });

  const restored = await Identity.load(ELSEWHERE);
  assert.equal(restored.address, BACKED_UP.address);
  assert.equal(await verify(BACKED_UP.address, 'dial', await restored.sign('dial')), true);
});

test('who makes a backup has a key that cannot be taken either', async () => {
  assert.equal((await HERE.get('identity', 'me')).key.extractable, false);
});

test('another passphrase does not open a backup', async () => {
  await assert.rejects(Identity.restore(BACKUP, 'creme brulee', { store: new Memory() }), withCode('wrong_passphrase'));
});

test('a backup under another address does not open', async () => {
  const other = JSON.stringify({ ...JSON.parse(BACKUP), address: WIRE[0].request.b.a });

  await assert.rejects(Identity.restore(other, 'crème brûlée', { store: new Memory() }), withCode('wrong_passphrase'));
});

const NO_BACKUPS = {
  'no JSON': 'what?',
  null: 'null',
  'of another kind': JSON.stringify({ ...JSON.parse(BACKUP), kind: 'something-else/1' }),
  'without a salt': JSON.stringify({ ...JSON.parse(BACKUP), salt: undefined }),
  'with a short nonce': JSON.stringify({ ...JSON.parse(BACKUP), iv: 'AAAA' }),
  'that would take minutes': JSON.stringify({ ...JSON.parse(BACKUP), iterations: 10_000_001 }),
  'that takes no time': JSON.stringify({ ...JSON.parse(BACKUP), iterations: 0 }),
};

for (const [name, backup] of Object.entries(NO_BACKUPS)) {
  test(`what is ${name} is no backup`, async () => {
    await assert.rejects(Identity.restore(backup, 'crème brûlée', { store: new Memory() }), withCode('not_a_backup'));
  });
}
