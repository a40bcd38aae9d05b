/**
 * Files of a chat: sent, offered and received, each as an entry that follows its transfer.
 * @module
 */

import { PREVIEWED, safeFileName } from '../format.js';
import { addEntry } from '../state.js';
import { t } from '../texts/translation.js';
import { newReactions } from './entries.js';
import { findMessage } from './message-changes.js';
import { isMessageId } from './message-parser.js';
import { countUnread } from './unread.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../state.js').FileEntry} FileEntry */
/** @typedef {import('../state.js').Transfer} Transfer */

/** More at once is a slip of the hand: a whole folder was dropped. */
const MAX_FILES = 20;
/** So large, pictures, sounds and videos of people who are known by a name are taken without asking. */
const MAX_TAKEN_BYTES = 3_000_000;
/** So much of one person's is taken without asking in a day: it stays, in the memory of the page and on the disk. */
const MAX_TAKEN_BYTES_A_DAY = 100_000_000;
/** So many files one person can offer in a minute, over whatever connections: each takes the place of something in the chat. */
const MAX_OFFERS_A_MINUTE = 64;
const [MINUTE_MS, DAY_MS] = [60_000, 86_400_000];

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Transfer} transfer
 * @param {number} now ms
 */
export function receiveFile(app, chat, transfer, now) {
  if (offersSince(chat, now - MINUTE_MS).length >= MAX_OFFERS_A_MINUTE) return decline(transfer);
  const isTaken = app.state.contacts.get(chat.address)?.name && mayTake(chat, transfer, now);
  follow(app, chat, transfer);
  countUnread(app, chat);
  if (isTaken) transfer.accept();
}

/** @param {Transfer} transfer of which the person sees nothing */
function decline(transfer) {
  transfer.done.catch(() => undefined);
  transfer.cancel();
}

/**
 * @param {Chat} chat
 * @param {Transfer} transfer that comes now
 * @param {number} now ms
 */
function mayTake(chat, { type, size }, now) {
  const taken = offersSince(chat, now - DAY_MS).filter(({ transfer: { state } }) => state === 'running' || state === 'done');
  const total = taken.reduce((sum, { transfer }) => sum + transfer.size, size);
  return PREVIEWED.includes(type) && size <= MAX_TAKEN_BYTES && total <= MAX_TAKEN_BYTES_A_DAY;
}

/**
 * @param {Chat} chat
 * @param {number} since ms
 * @returns {FileEntry[]} of theirs
 */
function offersSince({ entries }, since) {
  return entries.filter((entry) => entry.kind === 'file').filter(({ mine, at }) => !mine && at.getTime() >= since);
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Iterable<File>} files
 */
export function sendFiles(app, chat, files) {
  const { peer } = chat;
  const all = [...files];
  if (!peer) return;
  if (all.length > MAX_FILES) app.notices.say(t('composer.tooMany', { count: MAX_FILES, all: all.length }));
  for (const file of all.slice(0, MAX_FILES)) {
    try {
      follow(app, chat, peer.sendFile(file), file);
    } catch (error) {
      app.notices.alert(error, { key: 'file' });
    }
  }
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Transfer} transfer
 * @param {Blob | null} [mine] what I send
 */
function follow(app, chat, transfer, mine = null) {
  const messageId = isMessageId(transfer.id) && !findMessage(chat, transfer.id) ? transfer.id : null;
  /** @type {FileEntry} */
  const entry = { kind: 'file', mine: mine !== null, at: new Date(), id: crypto.randomUUID(), transfer, blob: mine, error: null, messageId, reactions: newReactions() };
  addEntry(chat, entry);
  transfer.addEventListener('progress', app.changed);
  transfer.addEventListener('statechange', app.changed);
  transfer.done
    .then((blob) => {
      entry.blob ??= blob ?? null;
      if (app.state.selected !== chat.address) app.notices.say(t(entry.mine ? 'file.toastSent' : 'file.toastReceived', { name: safeFileName(transfer.name) }));
    })
    .catch((/** @type {unknown} */ error) => void (entry.error = error))
    .finally(app.changed);
  app.changed();
}
