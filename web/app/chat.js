/**
 * What goes over a connection: messages and files.
 * @module
 */

import { addEntry, nameOf, selectedTalk } from './state.js';
import { present, safeFileName } from './format.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Talk} Talk */
/** @typedef {import('./state.js').Peer} Peer */
/** @typedef {import('./state.js').Transfer} Transfer */
/** @typedef {import('./state.js').TextEntry} TextEntry */
/** @typedef {import('./state.js').FileEntry} FileEntry */

/** More at once is a slip of the hand: a whole folder was dropped. */
const MAX_FILES = 20;

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {string} text
 */
export function sendText(app, talk, text) {
  /** @type {TextEntry} */
  const entry = { kind: 'text', mine: true, at: new Date(), ...present(text), mark: 'sending', peer: null, number: 0, value: text };
  addEntry(talk, entry);
  void send(app, talk, entry);
}

/**
 * Send, or send again, what is in an entry.
 * @param {App} app
 * @param {Talk} talk
 * @param {TextEntry} entry
 */
export async function send(app, talk, entry) {
  const { peer } = talk;
  entry.mark = 'sending';
  app.changed();
  try {
    if (!peer) throw Object.assign(new Error(), { code: 'not_connected' });
    entry.number = await peer.send(entry.value);
    Object.assign(entry, { peer, mark: 'sent', value: undefined });
    updateMarks(talk, peer);
    app.notices.dismiss('send');
  } catch (error) {
    entry.mark = 'failed';
    app.notices.alert(error, { key: 'send' });
  }
  app.changed();
}

/**
 * Mark what has arrived.
 * @param {Talk} talk
 * @param {Peer} peer
 */
export function updateMarks(talk, peer) {
  for (const entry of talk.entries) {
    const isSent = entry.kind === 'text' && entry.peer === peer && entry.mark === 'sent';
    if (isSent && entry.number <= peer.delivered) entry.mark = 'delivered';
  }
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {unknown} value whatever they sent
 */
export function receive(app, talk, value) {
  addEntry(talk, { kind: 'text', mine: false, at: new Date(), ...present(value), mark: 'delivered', peer: null, number: 0 });
  countUnread(app, talk);
  app.changed();
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {Transfer} transfer
 */
export function receiveFile(app, talk, transfer) {
  follow(app, talk, transfer);
  countUnread(app, talk);
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {Iterable<File>} files
 */
export function sendFiles(app, talk, files) {
  const { peer } = talk;
  const all = [...files];
  if (!peer) return;
  if (all.length > MAX_FILES) app.notices.say(`Only the first ${MAX_FILES} of ${all.length} files are sent`);
  for (const file of all.slice(0, MAX_FILES)) {
    try {
      follow(app, talk, peer.sendFile(file));
    } catch (error) {
      app.notices.alert(error, { key: 'file' });
    }
  }
}

/**
 * Whoever reads a talk has read it.
 * @param {App} app
 */
export function markRead({ state }) {
  const talk = selectedTalk(state);
  if (talk && !document.hidden) talk.unread = 0;
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {Transfer} transfer
 */
function follow(app, talk, transfer) {
  /** @type {FileEntry} */
  const entry = { kind: 'file', mine: transfer.direction === 'out', at: new Date(), transfer, blob: null, error: null };
  addEntry(talk, entry);
  transfer.addEventListener('progress', app.changed);
  transfer.addEventListener('statechange', app.changed);
  transfer.done
    .then((blob) => {
      entry.blob = blob ?? null;
      if (app.state.selected !== talk.address) app.notices.say(`${safeFileName(transfer.name)}: ${entry.mine ? 'sent' : 'received'}`);
    })
    .catch((/** @type {unknown} */ error) => void (entry.error = error))
    .finally(app.changed);
  app.changed();
}

/**
 * @param {App} app
 * @param {Talk} talk
 */
function countUnread(app, talk) {
  const isRead = app.state.selected === talk.address && !document.hidden;
  if (isRead) return;
  talk.unread += 1;
  app.notices.say(`${nameOf(app.state, talk.address)} wrote`);
}
