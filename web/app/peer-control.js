/**
 * Control messages between two of these apps: what one tells the other beside the conversation.
 * @module
 */

import { verify } from '../client/identity.js';
import { pause } from '../client/promises.js';
import { isAddress } from '../client/whisper.js';
import { recall } from './browser-storage.js';
import { CHAT_FEATURE } from './chat/chat-values.js';
import { cleanName } from './contacts.js';

/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {{muted?: boolean, held?: boolean, typing?: boolean, name?: string, read?: string, moved?: Move}} Control */
/** @typedef {import('./state.js').Identity} Identity */
/** A change of address, signed by the old key and by the new one: nobody moves a contact to the address of somebody else.
 * @typedef {{from: string, to: string, at: number, signature: string, proof: string}} Move
 */

/** The member of each value that says that it is of this app. */
export const APP = 'whisper';
/** Who types tells it that often; and is taken for typing a little longer. */
const TYPING_EVERY_MS = 3000;
const TYPING_MS = 4500;
/** No text of the wire begins like this: those are JSON. */
const MOVE_KIND = 'whisper-move/1';
/** Clocks of devices are wrong by hours; a statement of long ago is of no use to anybody. */
const MOVE_WINDOW_MS = 86_400_000;
/** So long to arrive: then the connection ends in any case. */
const MOVE_TOLD_MS = 2000;

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

/**
 * @param {Identity} old
 * @param {Identity} fresh that takes its place
 * @param {number} now ms
 * @returns {Promise<Move>}
 */
export async function signMove(old, fresh, now) {
  const move = { from: old.address, to: fresh.address, at: now };
  const text = textOf(move);
  return { ...move, signature: await old.sign(text), proof: await fresh.sign(text) };
}

/**
 * @param {any} move whatever came over the connection
 * @param {{from: string, me: string | undefined, now: number}} context `from`: whose connection it is; `me`: my own address
 * @returns {Promise<string | null>} their new address; null unless the old key and the new one have signed exactly that
 */
export async function readMove(move, { from, me, now }) {
  if (move?.from !== from || !isAddress(move.to) || move.to === from || move.to === me) return null;
  if (!Number.isSafeInteger(move.at) || Math.abs(now - move.at) > MOVE_WINDOW_MS) return null;
  const text = textOf(move);
  return (await verify(from, text, move.signature)) && (await verify(move.to, text, move.proof)) ? move.to : null;
}

/**
 * Tell known people over the open connections that another address takes the place of mine, and wait until it has arrived.
 * @param {import('./state.js').State} state
 * @param {Identity} old
 * @param {Identity} fresh
 */
export async function tellMove({ chats, contacts }, old, fresh) {
  const known = [...chats.values()].filter(({ address, peer }) => peer && contacts.has(address));
  if (!known.length) return;
  const moved = await signMove(old, fresh, Date.now());
  const told = known.map(({ peer }) => peer && deliver(peer, { app: APP, moved }).catch(() => undefined));
  await Promise.race([Promise.all(told), pause(MOVE_TOLD_MS)]);
}

/**
 * @param {import('./state.js').Peer} peer
 * @param {unknown} value
 */
async function deliver(peer, value) {
  const number = await peer.send(value);
  while (peer.delivered < number) await new Promise((resolve) => peer.addEventListener('delivered', resolve, { once: true }));
}

/** @param {{from: string, to: string, at: number}} move */
function textOf({ from, to, at }) {
  return [MOVE_KIND, from, to, at].join('\n');
}
