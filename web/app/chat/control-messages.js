/**
 * Control messages between two of these apps: what one tells the other beside the messages.
 * @module
 */

import { cleanName } from '../display-names.js';
import { recall } from '../storage/web-storage.js';
import { CHAT_FEATURE } from './message-parser.js';

/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {{muted?: boolean, held?: boolean, typing?: boolean, name?: string, read?: string, moved?: import('../address-change.js').Move}} Control */

/** The member of each value that says that it is of this app. */
export const APP = 'whisper';
/** Who types tells it that often; and is taken for typing a little longer. */
const TYPING_EVERY_MS = 3000;
const TYPING_MS = 4500;

/** @type {WeakMap<Chat, number>} when it was told last, ms */
const told = new WeakMap();
/** @type {WeakMap<Chat, ReturnType<typeof setTimeout>>} when they will have stopped typing */
const typing = new WeakMap();

/**
 * Tell their app something: one that is gone need not know, and another program would show it.
 * @param {Chat} chat
 * @param {Control} control
 */
export async function tell(chat, control) {
  const { peer } = chat;
  const isKnown = (await peer?.supports(CHAT_FEATURE)) || chat.isApp;
  if (isKnown) await peer?.send({ app: APP, ...control }).catch(() => undefined);
}

/**
 * Tell the name that the person here gives themselves, if any.
 * @param {Chat} chat
 */
export function introduce(chat) {
  const name = recall('whisper.name');
  if (name) void tell(chat, { name });
}

/**
 * Tell whether I am muted, and whether I have put them on hold.
 * @param {Chat} chat
 */
export function tellStatus(chat) {
  const { muted, held } = chat.media;
  void tell(chat, { muted, held: held !== null });
}

/**
 * Tell that somebody types here.
 * @param {Chat} chat
 */
export function tellTyping(chat) {
  const now = Date.now();
  if (now - (told.get(chat) ?? 0) < TYPING_EVERY_MS) return;
  told.set(chat, now);
  void tell(chat, { typing: true });
}

/**
 * Take what their app tells.
 * @param {Chat} chat
 * @param {any} value whatever they sent
 * @param {() => void} changed
 * @returns {boolean} whether it was that, and no message
 */
export function takeControl(chat, value, changed) {
  if (value?.app !== APP) return false;
  chat.isApp = true;
  for (const name of /** @type {const} */ (['muted', 'held'])) {
    if (typeof value[name] === 'boolean') chat.status[name] = value[name];
  }
  if (typeof value.name === 'string') chat.says = cleanName(value.name);
  if (value.typing === true) {
    chat.status.typing = Date.now() + TYPING_MS;
    clearTimeout(typing.get(chat)); // they may tell it without end
    typing.set(chat, setTimeout(changed, TYPING_MS + 1));
  }
  changed();
  return true;
}
