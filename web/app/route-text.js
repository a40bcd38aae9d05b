/**
 * The route of a connection in a few words.
 * @module
 */

import { formatSeconds } from './format.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {import('./state.js').Peer} Peer */

const KINDS = { host: 'a local address', srflx: 'a public address', prflx: 'a public address', relay: 'a relay' };

/**
 * Ask the connection which way it takes, and write it down in the chat.
 * @param {App} app
 * @param {Chat} chat
 * @param {Peer} peer
 */
export async function readRoute(app, chat, peer) {
  const route = await peer.route().catch(() => null);
  if (chat.peer !== peer) return;
  const way = route ? (route.relayed ? 'Through a relay' : 'Direct') : 'Connected';
  const pushes = `${peer.pushes} ${peer.pushes === 1 ? 'push' : 'pushes'}`;
  chat.route = `${way} · ${pushes} · ${formatSeconds(peer.connectedIn)}`;
  chat.routeDetail = route ? detail(route) : '';
  app.changed();
}

/** @param {{relayed: boolean, local: string, remote: string, protocol: string}} route */
function detail({ relayed, local, remote, protocol }) {
  const kind = (/** @type {string} */ name) => KINDS[/** @type {keyof typeof KINDS} */ (name)] ?? name;
  const way = relayed ? 'A TURN server carries it, sealed.' : 'Nothing is in between.';
  return `${way} ${protocol.toUpperCase()}, from ${kind(local)} here to ${kind(remote)} there.`;
}
