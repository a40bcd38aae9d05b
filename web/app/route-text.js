/**
 * The route of a connection in a few words.
 * @module
 */

import { formatSeconds } from './format.js';
import { t } from './texts/translation.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {import('./state.js').Peer} Peer */

/** @type {Record<string, import('./texts/translation.js').Key>} */
const KINDS = { host: 'route.host', srflx: 'route.public', prflx: 'route.public', relay: 'route.relay' };

/**
 * Ask the connection which way it takes, and write it down in the chat.
 * @param {App} app
 * @param {Chat} chat
 * @param {Peer} peer
 */
export async function readRoute(app, chat, peer) {
  const route = await peer.route().catch(() => null);
  if (chat.peer !== peer) return;
  const way = route ? (route.relayed ? t('route.relayed') : t('route.direct')) : t('phase.open');
  chat.route = t('route.summary', { way, count: peer.pushes, time: formatSeconds(peer.connectedIn) });
  chat.routeDetail = route ? detail(route) : '';
  app.changed();
}

/** @param {{relayed: boolean, local: string, remote: string, protocol: string}} route */
function detail({ relayed, local, remote, protocol }) {
  const kind = (/** @type {string} */ name) => (KINDS[name] ? t(KINDS[name]) : name);
  const way = relayed ? t('route.turn') : t('route.nothingBetween');
  return t('route.detail', { way, protocol: protocol.toUpperCase(), local: kind(local), remote: kind(remote) });
}
