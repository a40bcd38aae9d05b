/** Blocks of a chat: what is written of it when something changes, and what is deleted. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { MAX_ENTRIES, newText } from '../../../../web/app/chat/entries.js';
import { changesOf, partition } from '../../../../web/app/storage/chat-blocks.js';

const say = (text) => newText(false, text, { mark: 'delivered' });
const chatOf = (...texts) => ({ address: 'ben', entries: texts.map(say), draft: '', unread: 0, missed: 0, says: '' });
const long = () => chatOf(...Array.from({ length: MAX_ENTRIES }, (_, at) => `message ${at}`));
const numbersOf = ({ blocks }) => blocks.map(([number]) => number);
const sizeOf = ({ blocks }) => blocks.reduce((sum, [, json]) => sum + json.length, 0);

/** Return what is written of a chat, which is stored, after a change. */
function changesAfter(chat, change) {
  const { stored } = changesOf(chat, undefined);
  change(chat);
  return changesOf(chat, stored);
}

test('a chat is written once, and not again without a change', () => {
  const chat = long();
  const first = changesOf(chat, undefined);

  assert.equal(first.blocks.flatMap(([, json]) => JSON.parse(json)).length, MAX_ENTRIES);
  assert.equal(first.deleted, 'all');
  assert.equal(changesOf(chat, first.stored), null);
});

test('an empty chat is written only to take the place of another', () => {
  const { stored } = changesOf(chatOf('hello'), undefined);

  assert.equal(changesOf(chatOf(), undefined), null);
  assert.deepEqual(changesOf(chatOf(), stored).deleted, [1]);
});

test('of a chat of years, a message more, a mark or a reaction writes no more than a block', () => {
  for (const change of [
    ({ entries }) => entries.push(say('one more')),
    ({ entries }) => (entries[7].mark = 'read'),
    ({ entries }) => (entries[1000].reactions.theirs = '👍'),
    (chat) => (chat.draft = 'a letter'),
  ]) {
    const changes = changesAfter(long(), change);

    assert.ok(changes.blocks.length <= 1 && sizeOf(changes) < 16_000, `${changes.blocks.length} blocks, ${sizeOf(changes)} characters`);
    assert.deepEqual(changes.deleted, []);
  }
});

test('a long message is not written again with those that follow it', () => {
  const changes = changesAfter(chatOf('before', 'x'.repeat(1_000_000)), ({ entries }) => entries.push(say('after')));

  assert.deepEqual(numbersOf(changes), [3]);
});

test('the oldest entry is dropped from its block, and an empty block is deleted', () => {
  const dropped = changesAfter(long(), ({ entries }) => entries.shift());
  const deleted = changesAfter(chatOf('x'.repeat(20_000), 'after'), ({ entries }) => entries.shift());

  assert.deepEqual([numbersOf(dropped), dropped.deleted], [[1], []]);
  assert.deepEqual([numbersOf(deleted), deleted.deleted], [[], [1]]);
});

test('entries that an import put between others are in their order', () => {
  const chat = long();
  const changes = changesAfter(chat, ({ entries }) => entries.splice(5, 0, say('imported')));

  assert.deepEqual(
    partition(chat.entries, changes.stored.blocks).flatMap(({ entries }) => entries),
    chat.entries,
  );
  assert.equal(changes.deleted.length, numbersOf(changes).length);
});

test('after another window has written a chat, or a write has failed, all of it is written again', () => {
  const chat = long();
  const { stored } = changesOf(chat, undefined);
  stored.isStored = false;
  assert.equal(changesOf(chat, stored), null);

  chat.entries.push(say('one more'));
  const changes = changesOf(chat, stored);

  assert.equal(changes.deleted, 'all');
  assert.equal(changes.blocks.flatMap(([, json]) => JSON.parse(json)).length, MAX_ENTRIES + 1);
});
