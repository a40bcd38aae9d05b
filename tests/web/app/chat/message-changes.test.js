/** Reactions, edits and read marks: what each of two apps keeps of the other's, also of hostile ones. */

import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { canEdit, edit, react, takeChange, tellReactions } from '../../../../web/app/chat/message-changes.js';
import { keepUndelivered, receiveMessage, sendText, sendWaiting } from '../../../../web/app/chat/text-messages.js';
import { markRead } from '../../../../web/app/chat/unread.js';
import { chatWith, createState } from '../../../../web/app/state.js';

const MINUTE_MS = 60_000;
const UNKNOWN = '00000000-0000-4000-8000-000000000000';
/** What a browser keeps, kept in memory. */
const kept = new Map();
globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
globalThis.MediaStream = class {
  getTracks = () => [];
};

/** Somebody's app, and its chat with the other. */
class Side {
  /** What has come. */ heard = [];

  constructor(other) {
    this.app = { state: createState(), changed: () => undefined, notices: { say: () => undefined, alert: assert.fail, dismiss: () => undefined } };
    this.chat = chatWith(this.app.state, other);
  }

  /** Be connected with *other*, whose program has these features. */
  connect(other, features = ['whisper-chat/1']) {
    let count = 0;
    const send = async (value) => {
      const copy = JSON.parse(JSON.stringify(value));
      other.heard.push(copy);
      receiveMessage(other.app, other.chat, copy);
      return ++count;
    };
    this.chat.peer = { delivered: 0, supports: async (feature) => features.includes(feature), send };
    this.chat.phase = 'open';
  }

  /** The texts that are seen. */
  get texts() {
    return this.chat.entries.map(({ text }) => text);
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve));

/** @type {Side} */ let anna;
/** @type {Side} */ let ben;

beforeEach(() => {
  kept.clear();
  anna = new Side('ben');
  ben = new Side('anna');
  anna.connect(ben);
  ben.connect(anna);
});

/** Let *one* write, and return both entries. */
async function write(one, other, text) {
  sendText(one.app, one.chat, text);
  await settle();
  return [one.chat.entries.at(-1), other.chat.entries.at(-1)];
}

test('a message is known under one id on both sides, and so is what it answers', async () => {
  const [mine, theirs] = await write(anna, ben, 'tea?');
  ben.chat.replyTo = theirs.messageId;
  const [answer, seen] = await write(ben, anna, 'yes');

  assert.equal(mine.messageId, theirs.messageId);
  assert.deepEqual([answer.reply, seen.reply, ben.chat.replyTo], [mine.messageId, mine.messageId, null]);
});

test('another program gets the plain text in full, and nothing else', async () => {
  anna.connect(ben, []);
  const [mine] = await write(anna, ben, 'tea?');
  kept.set('whisper.read-marks', 'yes');
  anna.app.state.selected = 'ben';
  receiveMessage(anna.app, anna.chat, 'hello');
  markRead(anna.app);
  react(anna.app, anna.chat, mine, '👍');
  await settle();

  assert.deepEqual(ben.heard, ['tea?']);
  assert.equal(canEdit(anna.chat, mine, Date.now()), false);
});

test('a message that comes twice is there once, and one that takes the id of mine has none', async () => {
  const [mine] = await write(anna, ben, 'tea?');
  for (const text of ['one', 'two']) receiveMessage(ben.app, ben.chat, { app: 'whisper', text, id: UNKNOWN });
  receiveMessage(anna.app, anna.chat, { app: 'whisper', text: 'mine', id: mine.messageId });

  assert.deepEqual(ben.texts, ['tea?', 'one']);
  assert.deepEqual(anna.chat.entries.map(({ messageId }) => messageId), [mine.messageId, null]);
});

test('each reacts to a message once: another emoji takes the place of the first, and the same one takes it back', async () => {
  const [mine, theirs] = await write(anna, ben, 'tea?');
  for (const emoji of ['👍', '❤️']) react(ben.app, ben.chat, theirs, emoji);
  react(anna.app, anna.chat, mine, '😂');
  await settle();
  assert.deepEqual([mine.reactions.mine, mine.reactions.theirs], ['😂', '❤️']);
  assert.deepEqual([theirs.reactions.mine, theirs.reactions.theirs], ['❤️', '😂']);

  react(ben.app, ben.chat, theirs, '❤️');
  await settle();
  assert.equal(mine.reactions.theirs, '');
});

test('a reaction to somebody who is away is told at the next connection', async () => {
  const [mine, theirs] = await write(anna, ben, 'tea?');
  Object.assign(ben.chat, { peer: null, phase: 'idle' });
  react(ben.app, ben.chat, theirs, '👍');
  await settle();
  assert.equal(mine.reactions.theirs, '');

  ben.connect(anna);
  tellReactions(ben.chat);
  await settle();
  assert.deepEqual([mine.reactions.theirs, theirs.reactions.isUntold], ['👍', false]);
});

test('what may have been lost with the connection is sent again by the next, and is there once', async () => {
  const [mine] = await write(anna, ben, 'tea?');
  const before = anna.chat.peer;
  keepUndelivered(anna.chat, before);
  assert.equal(mine.mark, 'waiting');

  anna.connect(ben);
  await sendWaiting(anna.app, anna.chat);
  assert.deepEqual([ben.texts, mine.mark, ben.heard.length], [['tea?'], 'sent', 2]);
});

test('what can not be sent because the connection ends waits for another one', async () => {
  anna.chat.peer.send = () => Promise.reject(Object.assign(new Error(), { code: 'hung_up' }));
  anna.chat.peer.state = 'closed';

  assert.equal((await write(anna, ben, 'tea?'))[0].mark, 'waiting');
});

test('a message is edited on both sides, within a minute', async () => {
  const [mine, theirs] = await write(anna, ben, 'tee?');
  const sent = mine.at.getTime();
  assert.deepEqual([canEdit(anna.chat, mine, sent), canEdit(anna.chat, mine, sent + MINUTE_MS), canEdit(ben.chat, theirs, sent)], [true, false, false]);

  await edit(anna.app, anna.chat, mine, 'tea?');
  await settle();
  assert.deepEqual([mine.text, mine.edits, theirs.text, theirs.edits], ['tea?', 1, 'tea?', 1]);
});

test('what waits for a connection is edited before it leaves', async () => {
  Object.assign(anna.chat, { peer: null, phase: 'idle' });
  const [mine] = await write(anna, ben, 'tee?');
  await edit(anna.app, anna.chat, mine, 'tea?');
  anna.connect(ben);
  await sendWaiting(anna.app, anna.chat);

  assert.deepEqual([ben.texts, mine.edits], [['tea?'], 0]);
});

test('nobody edits the message of the other, an old one, or one without end', async () => {
  const [mine, theirs] = await write(anna, ben, 'tea?');
  const to = (text) => ({ app: 'whisper', edit: { id: mine.messageId, text } });
  takeChange(anna.chat, to('I owe you 100'), Date.now());
  assert.equal(mine.text, 'tea?');

  takeChange(ben.chat, to('later'), theirs.at.getTime() + 2 * MINUTE_MS);
  assert.equal(theirs.text, 'tea?');

  takeChange(ben.chat, to('under way'), theirs.at.getTime() + 1.5 * MINUTE_MS);
  assert.equal(theirs.text, 'under way');

  for (let time = 2; time <= 20; time += 1) takeChange(ben.chat, to(`tea ${time}`), Date.now());
  assert.deepEqual([theirs.text, theirs.edits], ['tea 10', 10]);
});

test('changes of what nobody knows change nothing', async () => {
  await write(anna, ben, 'tea?');
  const before = JSON.stringify(ben.chat.entries);
  kept.set('whisper.read-marks', 'yes');
  for (const change of [{ react: { to: UNKNOWN, with: '👍' } }, { edit: { id: UNKNOWN, text: 'no' } }, { read: UNKNOWN }]) {
    receiveMessage(ben.app, ben.chat, { app: 'whisper', ...change });
  }

  assert.equal(JSON.stringify(ben.chat.entries), before);
});

for (const wanted of [true, false]) {
  test(`who has read is ${wanted ? 'told and seen, by who wants read marks' : 'neither told nor seen, by who wants no read marks'}`, async () => {
    const [mine, theirs] = await write(anna, ben, 'tea?');
    if (wanted) kept.set('whisper.read-marks', 'yes');
    ben.app.state.selected = 'anna';
    markRead(ben.app);
    markRead(ben.app);
    await settle();
    assert.equal(anna.heard.filter(({ read }) => read === theirs.messageId).length, wanted ? 1 : 0);

    receiveMessage(anna.app, anna.chat, { app: 'whisper', read: mine.messageId });
    assert.equal(mine.mark, wanted ? 'read' : 'sent');
  });
}

test('reading one message is reading what came before it, and not what has not been sent', async () => {
  kept.set('whisper.read-marks', 'yes');
  const [first] = await write(anna, ben, 'tea?');
  first.mark = 'failed';
  const [second] = await write(anna, ben, 'tea?');
  const [third] = await write(anna, ben, 'tea?');
  receiveMessage(anna.app, anna.chat, { app: 'whisper', read: third.messageId });

  assert.deepEqual([first, second, third].map(({ mark }) => mark), ['failed', 'read', 'read']);
});

test('edits make a chat no longer than messages do', () => {
  const ids = Array.from({ length: 600 }, () => crypto.randomUUID());
  for (const id of ids) receiveMessage(ben.app, ben.chat, { app: 'whisper', id, text: 'x' });
  for (const id of ids) receiveMessage(ben.app, ben.chat, { app: 'whisper', edit: { id, text: 'x'.repeat(16_000) } });

  assert.equal(ben.texts.join('').length, 8_000_000);
});

test('who says that they type without end sets one timer', () => {
  const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
  const before = timers();
  for (let count = 0; count < 100; count += 1) receiveMessage(ben.app, ben.chat, { app: 'whisper', typing: true });

  assert.equal(timers() - before, 1);
});

test('of a name without end only the beginning is read, and it stays on one line', () => {
  receiveMessage(ben.app, ben.chat, { app: 'whisper', name: 'An\u2029na\u2028' });
  assert.equal(ben.chat.says, 'An na');

  receiveMessage(ben.app, ben.chat, { app: 'whisper', name: `${' '.repeat(1000)}Anna` });
  assert.equal(ben.chat.says, '');
});
