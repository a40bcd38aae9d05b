/** Parsing of the values of a chat: as they are described, and nothing else, whatever a stranger sends. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { isEmoji, readChange, readMessage } from '../../../../web/app/chat/message-parser.js';

const ID = '6f2c1e6e-3c51-4a4c-9d7e-0f4b8f0c2a11';
const OTHER = '00000000-0000-4000-8000-000000000000';

test('a message is read, with what it answers', () => {
  assert.deepEqual(readMessage({ app: 'whisper', text: 'hi', id: ID, reply: OTHER }), { text: 'hi', messageId: ID, reply: OTHER });
});

test('a message that answers something strange answers nothing', () => {
  for (const reply of ['x', 7, { id: OTHER }, [OTHER], `${OTHER}\n`]) assert.equal(readMessage({ text: 'hi', id: ID, reply })?.reply, null);
});

for (const [what, value] of Object.entries({
  nothing: null,
  text: 'hi',
  'without an id': { text: 'hi' },
  'with an id in a list': { text: 'hi', id: [ID] },
  'with a long id': { text: 'hi', id: ID.repeat(1000) },
  'with an id of a prototype': { text: 'hi', id: '__proto__' },
  'with no text': { text: { toString: 'hi' }, id: ID },
})) {
  test(`no message is read: ${what}`, () => {
    assert.equal(readMessage(value), null);
  });
}

for (const emoji of ['👍', '❤️', '👩🏽‍🚀', '🇩🇪', '1️⃣', '👨‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿']) {
  test(`${emoji} is one emoji`, () => {
    assert.ok(isEmoji(emoji));
  });
}

for (const [what, value] of Object.entries({
  nothing: '',
  two: '👍👍',
  'a letter': 'a',
  'a digit': '7',
  'a word': 'good',
  markup: '<b>',
  'an emoji under a tower of accents': `👍${'\u0301'.repeat(20)}`,
  'an endless family': Array(50).fill('👩').join('\u200d'),
  'a turned direction': '\u202e👍',
  'no text': ['👍'],
})) {
  test(`no emoji: ${what}`, () => {
    assert.ok(!isEmoji(value));
  });
}

test('reactions, edits and read marks are read', () => {
  assert.deepEqual(readChange({ react: { to: ID, with: '👍' } }), { react: { to: ID, with: '👍' } });
  assert.deepEqual(readChange({ react: { to: ID, with: '' } }), { react: { to: ID, with: '' } });
  assert.deepEqual(readChange({ edit: { id: ID, text: 'better' } }), { edit: { id: ID, text: 'better' } });
  assert.deepEqual(readChange({ read: ID }), { read: ID });
});

for (const [what, value] of Object.entries({
  nothing: null,
  'a reaction to nothing': { react: { with: '👍' } },
  'a reaction with words': { react: { to: ID, with: 'LOL' } },
  'a reaction with a list': { react: { to: ID, with: ['👍'] } },
  'an edit of nothing': { edit: { text: 'better' } },
  'an edit to nothing': { edit: { id: ID, text: ' \n' } },
  'an edit to what is huge': { edit: { id: ID, text: 'a'.repeat(16_001) } },
  'an edit to no text': { edit: { id: ID, text: 7 } },
  'a mark of nothing': { read: true },
  'a later version': { app: 'whisper', poll: ['yes', 'no'] },
})) {
  test(`no change is read: ${what}`, () => {
    assert.equal(readChange(value), null);
  });
}
