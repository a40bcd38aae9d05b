/**
 * Call screening: blocked addresses and "do not disturb", as the pages set them and the service worker keeps to them.
 *
 * A caller can't tell either from a browser that is closed: nothing is answered.
 * @module
 */

import { listUnhandled, markHandled } from './push/inbox.js';

/** @typedef {import('./store.js').Store} Store */

const BLOCKED = 'blocked';
const QUIET = 'quiet';
const SILENT = 'silent';

/** Until it is switched off. */
export const FOR_EVER = Number.MAX_SAFE_INTEGER;
/**
 * Pushes that show nothing while no page is open. Firefox ends a subscription after 16, Chromium shows words of its own after about six a
 * day: whoever is blocked must not be able to bring that about.
 */
const MAX_SILENT = 3;

/** `quietUntil` by this device's clock, ms; 0 when calls ring.
 * @typedef {{blocked: ReadonlySet<string>, quietUntil: number}} Screening
 */

/**
 * @param {Store} store
 * @returns {Promise<Screening>}
 */
export async function readScreening(store) {
  const [blocked, quietUntil] = await Promise.all([store.get('state', BLOCKED), store.get('state', QUIET)]);
  return { blocked: new Set(/** @type {string[]} */ (blocked ?? [])), quietUntil: quietUntil ?? 0 };
}

/**
 * Refuse somebody's calls, also those that wait for a page.
 * @param {Store} store
 * @param {string} address
 */
export async function block(store, address) {
  await store.update('state', BLOCKED, (blocked = []) => [...new Set([...blocked, address])]);
  for (const call of await listUnhandled(store)) if (call.sender === address) await markHandled(store, call);
}

/**
 * @param {Store} store
 * @param {string} address
 */
export async function unblock(store, address) {
  await store.update('state', BLOCKED, (/** @type {string[]} */ blocked = []) => blocked.filter((other) => other !== address));
}

/**
 * Let no call ring until then, `FOR_EVER`, or 0: from now on they ring.
 * @param {Store} store
 * @param {number} until ms by this device's clock
 */
export async function setQuiet(store, until) {
  await store.put('state', until, QUIET);
}

/**
 * @param {Screening} screening
 * @param {number} now by this device's clock, ms
 */
export function isQuiet({ quietUntil }, now) {
  return now < quietUntil;
}

/**
 * Count a push that is to show nothing, and tell whether a browser puts up with it.
 * @param {Store} store
 * @param {boolean} hasPage whether a page is open
 */
export async function mayStaySilent(store, hasPage) {
  const count = hasPage ? 0 : ((await store.get('state', SILENT)) ?? 0) + 1;
  await store.put('state', Math.min(count, MAX_SILENT), SILENT);
  return count <= MAX_SILENT;
}

/**
 * A page is open: browsers count from the beginning.
 * @param {Store} store
 */
export async function forgetSilent(store) {
  await store.delete('state', SILENT);
}
