/** Files of a peer: which are shown, and which are taken without asking. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { Transfer } from '../../../../client/rtc/file-transfer.js';
import { receiveFile } from '../../../../web/app/chat/file-messages.js';

const NOW = Date.now();
const PICTURE = { name: 'a.png', type: 'image/png', size: 2_500_000 };

/** A chat with Ben, who is known by a name, and what receives a file of his. */
function chatWithBen() {
  const chat = { address: 'ben', entries: [], unread: 0 };
  const state = { contacts: new Map([['ben', { name: 'Ben' }]]), chats: new Map(), selected: 'ben', isSeen: true };
  const app = { state, changed: () => undefined, notices: { say: () => undefined } };
  const receive = (header, now) => {
    const transfer = new Transfer('in', header);
    receiveFile(app, chat, transfer, now);
    return transfer.state;
  };
  return { chat, receive };
}

const count = (states, state) => states.filter((each) => each === state).length;

test('more offers than a person can look at are declined, also if each was withdrawn before the next', () => {
  const { chat, receive } = chatWithBen();
  for (let at = 0; at < 100; at++) {
    receive({ name: 'a.txt', type: 'text/plain', size: 1 }, NOW);
    if (at % 2) chat.entries.at(-1).transfer.cancel();
  }

  assert.equal(chat.entries.length, 64);
  assert.equal(receive(PICTURE, NOW + 1000), 'failed');
  assert.equal(receive(PICTURE, NOW + 61_000), 'running');
});

test('pictures of a known person are taken without asking, up to 100 MB a day', () => {
  const { chat, receive } = chatWithBen();
  const states = Array.from({ length: 50 }, () => receive(PICTURE, NOW));

  assert.deepEqual([count(states, 'running'), count(states, 'waiting')], [40, 10]);
  for (const entry of chat.entries) entry.at = new Date(NOW - 86_400_001);
  assert.equal(receive(PICTURE, NOW), 'running');
});

test('of a stranger, nothing is taken without asking, nor what is large or no picture, sound or video', () => {
  const { chat, receive } = chatWithBen();
  const states = [{ ...PICTURE, size: 3_000_001 }, { ...PICTURE, type: 'text/html' }].map((header) => receive(header, NOW));
  chat.address = 'somebody';

  assert.deepEqual([...states, receive(PICTURE, NOW)], ['waiting', 'waiting', 'waiting']);
});
