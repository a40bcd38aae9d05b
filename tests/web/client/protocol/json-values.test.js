/** JSON values: what `JSON.stringify` would drop or alter in silence is refused, and says where it is. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { runInNewContext } from 'node:vm';

import { toExactJson } from '../../../../client/protocol/json-values.js';
import { fromJson } from '../../../../client/protocol/sealing.js';
import { withCode } from '../../vectors.js';

const circle = { name: 'me' };
circle.self = circle;
const deep = Array.from({ length: 100_000 }).reduce((inner) => [inner], 1);

const SENT = [null, true, '', 'lone \ud800', 0, -1.5, [], {}, { '': [1, { a: null }] }, Object.create(null), JSON.parse('{"__proto__": 1}')];

for (const value of SENT) {
  test(`it is sent as it is: ${JSON.stringify(value)}`, () => {
    assert.equal(JSON.stringify(fromJson(toExactJson(value))), JSON.stringify(value));
  });
}

test('an object of another window is sent', () => {
  assert.deepEqual(fromJson(toExactJson(runInNewContext('({ a: [1] })'))), { a: [1] });
});

const REFUSED = {
  'undefined': undefined,
  'undefined in an object': { a: undefined },
  'undefined in a list': [undefined],
  'a hole in a list': [1, , 2],
  'NaN': NaN,
  'infinity in an object': { a: -Infinity },
  'a Map': new Map([[1, 2]]),
  'a Set in a list': [new Set()],
  'a Date': new Date(0),
  'a RegExp': /a/,
  'an Error': new Error('no'),
  'a function': () => 0,
  'an object with a function': { a: () => 0 },
  'an object with a toJSON': { toJSON: () => 1 },
  'a symbol': Symbol('a'),
  'an object with a symbol': { [Symbol('a')]: 1 },
  'a big integer': { a: 10n },
  'a number that is an object': Object(1),
  'bytes in an object': { a: new Uint8Array(2) },
  'an instance of a class': new (class Point {})(),
  'a circle': circle,
  'what is too deep': deep,
  'a Map of another window': runInNewContext('new Map()'),
};

for (const [name, value] of Object.entries(REFUSED)) {
  test(`it is refused: ${name}`, () => {
    assert.throws(() => toExactJson(value), withCode('not_json'));
  });
}

test('a refusal says where', () => {
  assert.throws(() => toExactJson({ list: [1, { when: NaN }] }), { message: 'NaN is no JSON value: it is at ["list"][1]["when"].' });
});
