/** Sealing by the shared vectors, and nothing else that opens. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { deflateRawSync } from 'node:zlib';

import { decode, encode } from '../../../../client/protocol/base64.js';
import { MAX_JSON_BYTES, decrypt, deriveKeys, encrypt, newEncryptionKey, seal, toJson, unseal } from '../../../../client/protocol/sealing.js';
import { aes, base64, droppedAs, fromHex, vectors, withCode, x25519 } from '../../vectors.js';

const { cases } = vectors('sealing.json');
const EXCHANGES = vectors('wycheproof/x25519_test.json').testGroups.flatMap(({ tests }) => tests);
const [PLAIN, DEFLATED] = [1, 2];
const KEY = await aes(new Uint8Array(32).fill(7));
const BROKEN = droppedAs('broken_seal');

const party = (side) => ({ address: side.signing, encryptionKey: side.encryption_public });
const privateKey = (side) => x25519(decode(side.encryption_private));
const utf8 = (text) => new TextEncoder().encode(text);
/** Seal *content* as it is. */
const sealedAs = async (format, content) => encode(await encrypt('offer', format, content, KEY));

/** Assert that two keys are the same: one opens what the other has sealed. */
async function assertSame(one, other) {
  const { content } = await decrypt('message', await encrypt('message', PLAIN, utf8('the same'), one), other);
  assert.equal(new TextDecoder().decode(content), 'the same');
}

for (const one of cases) {
  const { sender, recipient, method } = one;

  test(`the sender derives the key of the vector: ${one.name}`, async () => {
    const { outgoing } = await deriveKeys(await privateKey(sender), party(sender), party(recipient));

    await assertSame(outgoing, await aes(decode(one.derived_key)));
  });

  test(`the recipient derives the same key: ${one.name}`, async () => {
    const { incoming } = await deriveKeys(await privateKey(recipient), party(recipient), party(sender));

    await assertSame(await aes(decode(one.derived_key)), incoming);
  });

  test(`sealing gives the vector byte for byte: ${one.name}`, async () => {
    const key = await aes(decode(one.derived_key));
    const { content } = await decrypt(method, decode(one.sealed), key); // DEFLATE has many spellings: that one is the vector's

    const sealed = await encrypt(method, one.format, one.format === PLAIN ? utf8(one.plaintext) : content, key, decode(one.nonce));

    assert.equal(encode(sealed), one.sealed);
  });

  test(`unsealing gives the plaintext of the vector: ${one.name}`, async () => {
    const value = await unseal(method, one.sealed, await aes(decode(one.derived_key)));

    assert.equal(JSON.stringify(value), one.plaintext);
  });
}

test('each direction has its own key', async () => {
  const { sender, recipient } = cases[0];

  const { outgoing, incoming } = await deriveKeys(await privateKey(sender), party(sender), party(recipient));

  await assert.rejects(assertSame(outgoing, incoming));
});

const [ADDRESS, OTHER] = [cases[0].sender.signing, cases[0].recipient.signing];
const ME = { address: ADDRESS, encryptionKey: ADDRESS };
const NO_SECRET = '00'.repeat(32);

for (const { tcId, public: theirs, private: mine } of EXCHANGES.filter((one) => one.shared === NO_SECRET)) {
  test(`a key that hides nothing is refused: Wycheproof ${tcId}`, async () => {
    const them = { address: OTHER, encryptionKey: base64(fromHex(theirs)) };

    await assert.rejects(deriveKeys(await x25519(fromHex(mine)), ME, them), BROKEN);
  });
}

test('every other exchange of Wycheproof gives its secret', async () => {
  const others = EXCHANGES.filter((one) => one.shared !== NO_SECRET);

  for (const { tcId, public: theirs, private: mine, shared } of others) {
    const them = { address: OTHER, encryptionKey: base64(fromHex(theirs)) };
    const { outgoing } = await deriveKeys(await x25519(fromHex(mine)), ME, them);
    await assert.doesNotReject(assertSame(outgoing, await keyOf(fromHex(shared), ME, them)), `case ${tcId}`);
  }

  assert.ok(others.length > 400);
});

/** Derive a key from a secret as docs/protocol.md says it. */
async function keyOf(secret, sender, recipient) {
  const keys = [sender.address, recipient.address, sender.encryptionKey, recipient.encryptionKey];
  const info = Buffer.concat([Buffer.from('whisper/1'), ...keys.map((key) => Buffer.from(key, 'base64'))]);
  const material = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  return aes(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info }, material, 256));
}

test('a new encryption key is another one, and stays where it is', async () => {
  const [one, other] = [await newEncryptionKey(), await newEncryptionKey()];

  assert.notEqual(one.publicKey, other.publicKey);
  assert.equal(one.privateKey.extractable, false);
});

for (const value of [null, true, 0, -1.5, '', 'grüß dich 👋', '\ud800', [], { a: [1, { b: null }] }]) {
  test(`${JSON.stringify(value)} comes back`, async () => {
    assert.deepEqual(await unseal('message', await seal('message', value, KEY), KEY), value);
  });
}

test('long text is deflated', async () => {
  const sealed = decode(await seal('offer', 'a=candidate '.repeat(100), KEY));

  assert.equal(sealed[0], DEFLATED);
  assert.ok(sealed.length < 100);
});

test('short text is not deflated', async () => {
  assert.equal(decode(await seal('message', 'hi', KEY))[0], PLAIN);
});

test('a nonce is never used twice', async () => {
  assert.notEqual(await seal('message', 'hi', KEY), await seal('message', 'hi', KEY));
});

test('another method does not open', async () => {
  await assert.rejects(unseal('answer', await seal('offer', 'x', KEY), KEY), BROKEN);
});

test('another key does not open', async () => {
  await assert.rejects(unseal('offer', await seal('offer', 'x', KEY), await aes(new Uint8Array(32))), BROKEN);
});

for (const position of [0, 1, 12, 13, -1]) {
  test(`a changed byte does not open: ${position}`, async () => {
    const raw = decode(await seal('offer', 'x', KEY));

    raw[raw.length * (position < 0) + position] ^= 0x03; // turns each format into the other

    await assert.rejects(unseal('offer', encode(raw), KEY), BROKEN);
  });
}

for (const sealed of ['', 'AQ==', 'AQ', 'not base64', base64(new Uint8Array(13))]) {
  test(`what is no sealed payload does not open: ${JSON.stringify(sealed)}`, async () => {
    await assert.rejects(unseal('offer', sealed, KEY), BROKEN);
  });
}

const NO_JSON = { nothing: '', 'half an object': '{', 'NaN': 'NaN', 'what is deep': '['.repeat(60_000), 'a byte order mark': '\ufeff"x"' };

for (const [name, text] of Object.entries(NO_JSON)) {
  test(`well sealed nonsense is nonsense: ${name}`, async () => {
    await assert.rejects(unseal('offer', await sealedAs(PLAIN, utf8(text)), KEY), BROKEN);
  });
}

test('what is no UTF-8 does not open', async () => {
  await assert.rejects(unseal('offer', await sealedAs(PLAIN, Uint8Array.of(0x22, 0xff, 0x22)), KEY), BROKEN);
});

for (const format of [0, 3, 4, 255]) {
  test(`a value has no format ${format}`, async () => {
    await assert.rejects(unseal('offer', await sealedAs(format, utf8('"x"')), KEY), BROKEN);
  });
}

// A stream that is followed by more is for browsers to refuse (Compression Standard, section 5); Node takes it.
const STREAMS = {
  'a bomb': deflateRawSync(`"${'0'.repeat(MAX_JSON_BYTES)}"`),
  'a larger bomb': deflateRawSync(Buffer.alloc(2 ** 24)),
  'a stream that is cut off': deflateRawSync('"x"').subarray(0, -1),
  'no DEFLATE': Buffer.from([0xff, 0xff]),
};

for (const [name, stream] of Object.entries(STREAMS)) {
  test(`${name} does not open`, async () => {
    await assert.rejects(unseal('offer', await sealedAs(DEFLATED, stream), KEY), BROKEN);
  });
}

test('exactly 64 KiB can be sealed', async () => {
  const largest = 'x'.repeat(MAX_JSON_BYTES - 2);

  assert.equal(await unseal('message', await seal('message', largest, KEY), KEY), largest);
});

test('one byte more is refused before it is sent', async () => {
  await assert.rejects(seal('message', 'x'.repeat(MAX_JSON_BYTES - 1), KEY), withCode('message_too_large'));
});

const itself = {};
itself.itself = itself;

for (const [name, value] of Object.entries({ nothing: undefined, 'a function': () => {}, 'a big integer': 1n, 'a circle': itself })) {
  test(`${name} is no JSON`, () => {
    assert.throws(() => toJson(value), withCode('not_json'));
  });
}
