/** Search of messages by a part of their text, whatever its case, and the snippet around a match. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { endSearch, normalize, searchEntries, snippetOf } from '../../../../web/app/chat/search.js';

const [FIRST, FILE, LAST] = [
  { kind: 'text', text: 'Tea at five?' },
  { kind: 'file', transfer: { name: 'Tea list.txt' } },
  { kind: 'text', text: `${'long '.repeat(100)}ÄRGER with the tea` },
];

test('the newest entry with the text in it is found', () => {
  const found = (text, entries = [FIRST, FILE, LAST]) => searchEntries(entries, normalize(text));

  assert.deepEqual([found('tea'), found(' TEA L'), found('five'), found('ärger'), found('coffee')], [LAST, FILE, FIRST, LAST, undefined]);
});

test('nothing is found by nothing', () => {
  assert.equal(searchEntries([FIRST], normalize(' ')), undefined);
});

test('of a long text, what is around the match is seen', () => {
  assert.equal(snippetOf(LAST, 'ärger'), `…${'long '.repeat(4)}ÄRGER with the tea`);
  assert.equal(snippetOf(FILE, 'list'), 'Tea list.txt');
});

test('a text is made lower case once for all drawings of a search, and again when it was edited', () => {
  let count = 0;
  const counted = (text) => ({ toLocaleLowerCase: () => (count++, text.toLocaleLowerCase()) });
  const entries = Array.from({ length: 10_000 }, (_, at) => ({ kind: 'text', text: counted(`Message ${at}`) }));
  for (let drawing = 0; drawing < 3; drawing++) searchEntries(entries, 'coffee');
  entries[7].text = counted('Coffee');

  assert.equal(searchEntries(entries, 'coffee'), entries[7]);
  assert.equal(count, 10_001);
});

test('a search that begins anew finds what the last one found', () => {
  assert.equal(searchEntries([FIRST], 'tea'), FIRST);
  endSearch();
  assert.equal(searchEntries([FIRST], 'tea'), FIRST);
});
