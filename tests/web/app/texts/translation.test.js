/** Translation: the choice of a language, and the values in a text. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { formatBytes, formatDuration } from '../../../../web/app/format.js';
import { pickLanguage, t, wordsFor } from '../../../../web/app/texts/translation.js';

for (const [wanted, chosen, language, locale] of [
  [['de-AT', 'en'], null, 'de', 'de-AT'],
  [['fr', 'ar-EG', 'de'], null, 'ar', 'ar-EG'],
  [['fr', 'ja'], null, 'en', 'en'],
  [[], null, 'en', 'en'],
  [['en-GB', 'de-CH'], 'de', 'de', 'de-CH'],
  [['en-GB'], 'ar', 'ar', 'ar'],
  [['de'], 'xx', 'de', 'de'],
  [['constructor'], null, 'en', 'en'],
]) {
  test(`who wants ${wanted.join() || 'nothing'} and has chosen ${chosen} reads ${language}`, () => {
    assert.deepEqual(pickLanguage(wanted, chosen), { language, locale });
  });
}

test('a text counts', () => {
  assert.equal(t('route.summary', { way: 'Direct', count: 1, time: '1 s' }), 'Direct · 1 push · 1 s');
  assert.equal(t('route.summary', { way: 'Direct', count: 1234, time: '1 s' }), 'Direct · 1,234 pushes · 1 s');
});

test('a name is what it is, also where it looks like a placeholder', () => {
  assert.equal(t('people.says', { name: '{name} $& {count}' }), 'says: {name} $& {count}');
});

test('a name from right to left is isolated from the sentence', () => {
  assert.equal(t('note.hungUp', { name: 'ليلى' }), '\u2068ليلى\u2069 hung up');
});

test('a text in two parts has its values in both', () => {
  assert.equal(wordsFor('media.stopped', { device: 'The camera' }).title, 'The camera stopped');
});

test('sizes and durations are written as the language has them', () => {
  assert.deepEqual([0, 1, 999, 1500, 16_000_000].map(formatBytes), ['0 bytes', '1 byte', '999 bytes', '1.5 kB', '16 MB']);
  assert.deepEqual([0, 61_000, 3_600_000].map(formatDuration), ['0:00', '1:01', '1:00:00']);
});
