/** Messages of pushes, believed or dropped: their shape, age, recipient and text. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { isAddress, isLower, parseAddress } from '../../../../client/protocol/addresses.js';
import { MAX_PLAINTEXT_BYTES, bytesOverLimit, canonical, encodeMembers } from '../../../../client/protocol/messages.js';
import { readPush } from '../../../../client/protocol/push-parser.js';
import { base64, droppedAs, fromHex, textOf, vectors, withCode } from '../../vectors.js';

const { cases, keys, timestamp: NOW } = vectors('wire.json');
const [ALICE, BOB] = [keys.alice.public, keys.bob.public];
const WINDOW_MS = 60_000;

const isPush = ({ request }) => request.a !== 'update';
const pushOf = ({ request, signed_text: text }) => ({ a: request.a, b: text, c: request.c });
const found = (name) => cases.find((one) => one.name === name);
const DIAL = found('dial');
const OFFER = found('offer from bob to alice');
const ICE = found('ice batch from bob to alice');
const CLOSE = found('close');

/** Return the push of a case with other data. */
const changed = (one, data) => ({ ...pushOf(one), b: canonical({ ...one.request.b, ...data }) });
/** Read a push as whoever it is for. */
const read = (push, now = NOW) => readPush(push, JSON.parse(push.b).c, now);

for (const one of cases.filter((each) => each.valid_signature)) {
  test(`the canonical text is that of the vector: ${one.name}`, () => {
    const reordered = Object.fromEntries(Object.entries(one.request.b).reverse());

    assert.equal(canonical(reordered), one.signed_text);
  });
}

// The other two vectors have members named by digits, which JavaScript puts first; no call has one.
for (const name of ['arrays', 'french', 'unicode', 'values']) {
  test(`JSON is canonical as in RFC 8785: ${name}`, () => {
    assert.equal(canonical(vectors(`jcs/input/${name}.json`)), textOf(`jcs/output/${name}.json`));
  });
}

for (const one of cases.filter((each) => isPush(each) && each.valid_signature)) {
  test(`a push of the vectors is read: ${one.name}`, () => {
    const { a: sender, b: sentAt, c: recipient, d: encryptionKey = '', e: payload = '' } = one.request.b;
    const { a: method, c: signature } = one.request;

    const call = read(pushOf(one));

    assert.deepEqual(call, { method, sender, sentAt, recipient, encryptionKey, payload, text: one.signed_text, signature });
  });
}

for (const one of cases.filter((each) => !isPush(each))) {
  test(`an update is never pushed: ${one.name}`, () => {
    assert.throws(() => readPush(pushOf(one), ALICE, NOW), droppedAs('not_a_call'));
  });
}

const SPELLINGS = {
  'members in another order': JSON.stringify(Object.fromEntries(Object.entries(DIAL.request.b).reverse())),
  'pretty print': JSON.stringify(DIAL.request.b, null, 2),
  'an escaped letter': DIAL.signed_text.replace('"a"', '"\\u0061"'),
  'a fraction': DIAL.signed_text.replace(String(NOW), `${NOW}.0`),
  'a line break at its end': `${DIAL.signed_text}\n`,
};

for (const [name, b] of Object.entries(SPELLINGS)) {
  test(`another spelling is no call: ${name}`, () => {
    assert.throws(() => read({ ...pushOf(DIAL), b }), droppedAs('not_a_call'));
  });
}

const SHAPES = {
  'nothing': undefined,
  'null': null,
  'a text': 'dial',
  'a list': [],
  'without a method': { ...pushOf(DIAL), a: undefined },
  'of a method that every object has': { ...pushOf(DIAL), a: 'constructor' },
  'of a method that is a list': { ...pushOf(DIAL), a: ['dial'] },
  'whose data is an object': { ...pushOf(DIAL), b: DIAL.request.b },
  'whose data is no JSON': { ...pushOf(DIAL), b: '{' },
  'whose data is null': { ...pushOf(DIAL), b: 'null' },
  'whose data is a list': { ...pushOf(DIAL), b: '[]' },
  'whose data is deep': { ...pushOf(DIAL), b: '['.repeat(1900) + ']'.repeat(1900) },
  'with a signature of 63 bytes': { ...pushOf(DIAL), c: Buffer.alloc(63).toString('base64') },
  'without a signature': { ...pushOf(DIAL), c: undefined },
  'with a member twice': { ...pushOf(DIAL), b: DIAL.signed_text.replace('{', `{"a":"${ALICE}",`) },
  'with a member too many': changed(DIAL, { e: 'AAAA' }),
  'with a member of another name': changed(CLOSE, { z: 1 }),
  'with a member that every object has': changed(CLOSE, { ['__proto__']: 1 }),
  'without its payload': { ...pushOf(DIAL), a: 'offer' },
  'with an empty payload': changed(OFFER, { e: '' }),
  'with a payload that is no base64': changed(OFFER, { e: '*' }),
  'with an encryption key of 31 bytes': changed(DIAL, { d: Buffer.alloc(31).toString('base64') }),
  'of ice in a third direction': changed(ICE, { f: 3 }),
  'with a sender that is no address': changed(DIAL, { a: 'alice' }),
  'with a recipient that is no address': changed(DIAL, { c: 'bob' }),
  'with a time that is text': changed(DIAL, { b: String(NOW) }),
  'with a time before 1970': changed(DIAL, { b: -1 }),
  'with half a millisecond': changed(DIAL, { b: NOW + 0.5 }),
  'with a time that no number holds': changed(DIAL, { b: 2 ** 53 }),
};

for (const [name, push] of Object.entries(SHAPES)) {
  test(`a push ${name} is no call`, () => {
    assert.throws(() => readPush(push, BOB, NOW), droppedAs('not_a_call'));
  });
}

test('ice need not say its direction', () => {
  const { f, ...data } = ICE.request.b;

  const call = read({ ...pushOf(ICE), b: canonical(data) });

  assert.equal(call.method, 'ice');
});

for (const late of [-WINDOW_MS, WINDOW_MS]) {
  test(`a push ${late} ms late is believed`, () => {
    assert.equal(read(pushOf(DIAL), NOW + late).sentAt, NOW);
  });

  test(`a push one more than ${late} ms late is stale`, () => {
    assert.throws(() => read(pushOf(DIAL), NOW + late + Math.sign(late)), droppedAs('stale'));
  });
}

test("another's push is not for me", () => {
  assert.throws(() => readPush(pushOf(DIAL), ALICE, NOW), droppedAs('not_for_me'));
});

test('its age is looked at before its recipient', () => {
  assert.throws(() => readPush(pushOf(DIAL), ALICE, NOW + 2 * WINDOW_MS), droppedAs('stale'));
});

test('a push that fits is not too large', () => {
  assert.equal(bytesOverLimit('dial', DIAL.signed_text, DIAL.request.c), 0);
});

test('a push that is too large says by how many bytes', () => {
  const empty = JSON.stringify({ data: { a: 'offer', b: '', c: '' } }).length;
  const room = MAX_PLAINTEXT_BYTES - empty;

  const over = [room, room + 1, room + 10].map((size) => bytesOverLimit('offer', 'x'.repeat(size), ''));

  assert.deepEqual(over, [0, 1, 10]);
});

test('what a push escapes counts as it is sent', () => {
  const quotes = '"'.repeat(MAX_PLAINTEXT_BYTES / 2);

  assert.ok(bytesOverLimit('offer', quotes, '') > 0);
});

test('the lower of two addresses is that of the lower bytes', () => {
  const [low, high] = [[0, 255], [1, 0]].map((bytes) => Buffer.concat([Buffer.from(bytes), Buffer.alloc(30)]).toString('base64'));

  assert.deepEqual([isLower(low, high), isLower(high, low), isLower(low, low)], [true, false, false]);
});

test('an address is 32 bytes of base64', () => {
  const told = [ALICE, `${ALICE} `, 'AAAA', '', null, 44, [ALICE]].map(isAddress);

  assert.deepEqual(told, [true, false, false, false, false, false, false]);
});

const URL_SAFE = keys.bob.public.replaceAll('+', '-').replaceAll('/', '_');
const PASTED = {
  'spaces around it': ` ${BOB}\n`,
  'a line break in it': `${BOB.slice(0, 20)}\r\n\t${BOB.slice(20)}`,
  'characters without a width': `\ufeff${BOB.slice(0, 9)}\u200b${BOB.slice(9)}\u2060\u00ad`,
  'double quotes': `"${BOB}"`,
  'German quotes': `„${BOB}“`,
  'guillemets and spaces': `« ${BOB} »`,
  'angle brackets': `<${BOB}>`,
  'brackets, and the end of a sentence': `([${BOB}]).`,
  'code marks': `\`${BOB}\``,
  'the alphabet of URLs': URL_SAFE,
  'no padding': BOB.slice(0, -1),
  'the alphabet of URLs, quoted, and no padding': `'${URL_SAFE.slice(0, -1)}',`,
};

for (const [name, typed] of Object.entries(PASTED)) {
  test(`an address may be pasted with ${name}`, () => {
    assert.equal(parseAddress(typed), BOB);
  });
}

const MISTYPED = {
  '': 'An address is needed.',
  'what?': 'An address has only letters, digits, +, / and = at its end.',
  AAAA: 'An address has 44 characters, this has 4.',
  [`${ALICE.slice(0, -2)}t=`]: 'There is a mistake in this address.',
  [base64(fromHex(`02${'00'.repeat(31)}`))]: 'There is a mistake in this address.', // no point of the curve
  [base64(fromHex('00'.repeat(32)))]: 'There is a mistake in this address.', // a point of small order
  [base64(fromHex('ff'.repeat(32)))]: 'There is a mistake in this address.', // a second spelling
  'https://example.org/#': 'An address has only letters, digits, +, / and = at its end.',
};

for (const [typed, message] of Object.entries(MISTYPED)) {
  test(`of ${JSON.stringify(typed)} is said what is wrong`, () => {
    assert.throws(() => parseAddress(typed), { ...withCode('invalid_address'), message });
  });
}
