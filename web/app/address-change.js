/**
 * Change of address: a statement signed by the old key and by the new one, told to known people and believed by them.
 * @module
 */

import { verify } from '../client/identity.js';
import { pause } from '../client/promises.js';
import { isAddress } from '../client/whisper.js';
import { APP } from './chat/control-messages.js';

/** @typedef {import('./state.js').Identity} Identity */
/** A change of address, signed by the old key and by the new one: nobody moves a contact to the address of somebody else.
 * @typedef {{from: string, to: string, at: number, signature: string, proof: string}} Move
 */

/** No text of the wire begins like this: those are JSON. */
const MOVE_KIND = 'whisper-move/1';
/** Clocks of devices are wrong by hours; a statement of long ago is of no use to anybody. */
const MOVE_WINDOW_MS = 86_400_000;
/** So long to arrive: then the connection ends in any case. */
const MOVE_TOLD_MS = 2000;

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
