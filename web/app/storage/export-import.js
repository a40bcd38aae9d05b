/**
 * Export of everything that the app keeps, as one sealed file, and its import elsewhere, where it is merged.
 *
 * The identity is not in it: its key can't be extracted (docs/decisions/0014).
 * @module
 */

import { block } from '../../client/call-screening.js';
import { Store } from '../../client/store.js';
import { fitInto } from '../chat/entries.js';
import { MAX_STRANGERS, chatWith, strangersOf } from '../state.js';
import { fromRecord, toRecord } from './chat-records.js';
import { MAX_KEPT_FILE_BYTES } from './chat-files.js';
import { saveContact } from './contacts.js';
import { decodeRecord, encodeRecord } from './exported-records.js';
import { SealedFileError, SealedFileWriter, readSealedFile } from './sealed-file.js';
import { recall, remember } from './web-storage.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../state.js').Entry} Entry */
/** @typedef {import('../state.js').FileEntry} FileEntry */

/** A chat that waits for its files, which follow it.
 * @typedef {import('./exported-records.js').ChatFrame & {files: Map<string, Blob>}} PendingChat
 */

/** Additions of an import.
 * @typedef {{people: number, entries: number, files: number}} Added
 */

/**
 * @param {App} app
 * @param {string} passphrase
 * @returns {Promise<Blob>}
 * @throws {import('./sealed-file.js').SealedFileError} `export_too_large`
 */
export async function exportAll({ state }, passphrase) {
  const writer = await SealedFileWriter.create(passphrase);
  const settings = { name: recall('whisper.name') ?? '', language: recall('whisper.language') ?? '' };
  await writer.add(encodeRecord({ type: 'people', contacts: [...state.contacts.values()], blocked: [...state.screening.blocked], settings }));
  for (const chat of state.chats.values()) {
    if (!chat.entries.length && !chat.draft) continue;
    await writer.add(encodeRecord({ type: 'talk', address: chat.address, talk: toRecord(chat) }));
    for (const { id, blob } of filesOf(chat.entries)) {
      if (!blob || blob.size > MAX_KEPT_FILE_BYTES) continue;
      await writer.add(encodeRecord({ type: 'file', id, content: new Uint8Array(await blob.arrayBuffer()) }));
    }
  }
  return writer.end();
}

/**
 * Merge an export into what is here: nothing that is here changes, and nothing comes twice. The whole file is read and checked before anything is added.
 * @param {App} app
 * @param {Blob} file
 * @param {string} passphrase
 * @returns {Promise<Added>}
 * @throws {import('./sealed-file.js').SealedFileError} `not_an_export`, `wrong_passphrase`, `damaged_export` or `export_too_large`
 */
export async function importAll(app, file, passphrase) {
  await check(file, passphrase);
  const added = { people: 0, entries: 0, files: 0 };
  /** @type {PendingChat | null} */
  let pending = null;
  for await (const frame of readSealedFile(file, passphrase)) {
    const record = decodeRecord(frame);
    if (record.type === 'people') await mergePeople(app, record, added);
    else if (record.type === 'file') pending?.files.set(record.id, new Blob([record.content]));
    else {
      mergeChat(app, pending, added);
      pending = { ...record, files: new Map() };
    }
  }
  mergeChat(app, pending, added);
  await app.chatRepository.flush().catch((cause) => {
    throw Object.assign(new Error('not kept', { cause }), { code: 'storage' });
  });
  app.changed();
  return added;
}

/**
 * @param {Blob} file
 * @param {string} passphrase
 * @throws {SealedFileError} unless all of it is what an export has, where all people are in one record
 */
async function check(file, passphrase) {
  let records = 0;
  for await (const frame of readSealedFile(file, passphrase)) {
    if (decodeRecord(frame).type === 'people' && ++records > 1) throw new SealedFileError('damaged_export');
  }
}

/**
 * Names and settings that are here stay, and who is here is not blocked.
 * @param {App} app
 * @param {import('./exported-records.js').PeopleRecord} record
 * @param {Added} added
 */
async function mergePeople({ state }, { contacts, blocked, settings }, added) {
  const unknown = blocked.filter((address) => !state.contacts.has(address) && address !== state.identity?.address);
  for (const { address, name } of contacts) {
    const known = state.contacts.get(address);
    if (known?.name || (known && !name) || address === state.identity?.address) continue;
    state.contacts.set(address, await saveContact(address, name));
    if (!known) added.people += 1;
  }
  for (const address of unknown) await Store.use((store) => block(store, address));
  state.screening = { ...state.screening, blocked: new Set([...state.screening.blocked, ...unknown]) };
  if (recall('whisper.name') === null) remember('whisper.name', settings.name || null);
  if (recall('whisper.language') === null) remember('whisper.language', settings.language || null);
}

/**
 * Merge a chat with its files, in one step: it is written with the next drawing.
 * @param {App} app
 * @param {PendingChat | null} pending
 * @param {Added} added
 */
function mergeChat({ state }, pending, added) {
  if (!pending || pending.address === state.identity?.address || !hasRoom(state, pending.address)) return;
  const chat = chatWith(state, pending.address);
  const { entries, draft, says } = fromRecord(pending.talk, 0);
  const elsewhere = filesElsewhere(state, chat); // the chat went to another address since
  const fresh = fitInto(chat, missingIn(chat.entries, entries).filter((entry) => entry.kind !== 'file' || !elsewhere.has(entry.id)));
  for (const entry of filesOf(fresh)) {
    const content = pending.files.get(entry.id);
    if (!content) continue;
    entry.blob = content.slice(0, content.size, entry.transfer.type);
    added.files += 1;
  }
  chat.entries = [...chat.entries, ...fresh].sort((one, other) => one.at.getTime() - other.at.getTime());
  chat.draft ||= draft;
  chat.says ||= says;
  added.entries += fresh.length;
}

/**
 * Tell whether a chat with somebody takes no other's place.
 * @param {import('../state.js').State} state
 * @param {string} address
 */
function hasRoom(state, address) {
  return state.chats.has(address) || state.contacts.has(address) || strangersOf(state).length < MAX_STRANGERS;
}

/**
 * Return the ids of the files in other chats: under its id, a file is stored once.
 * @param {import('../state.js').State} state
 * @param {Chat} chat
 */
function filesElsewhere({ chats }, chat) {
  return new Set([...chats.values()].flatMap((other) => (other === chat ? [] : other.entries.map((entry) => (entry.kind === 'file' ? entry.id : '')))));
}

/**
 * @param {readonly Entry[]} here
 * @param {readonly Entry[]} entries
 * @returns {Entry[]} those that are not here yet
 */
export function missingIn(here, entries) {
  const known = new Set(here.map(keyOf));
  return entries.filter((entry) => {
    const key = keyOf(entry);
    const isNew = !known.has(key);
    known.add(key);
    return isNew;
  });
}

/**
 * Return by what an entry is known again.
 * @param {Entry} entry
 */
function keyOf(entry) {
  if (entry.kind === 'file') return entry.id;
  if (entry.kind === 'text' && entry.messageId) return [entry.mine, entry.messageId].join(); // which may have been edited since
  return [entry.kind, entry.at.getTime(), entry.kind === 'text' && entry.mine, entry.text].join();
}

/**
 * @param {readonly Entry[]} entries
 * @returns {FileEntry[]} that have come whole
 */
function filesOf(entries) {
  return entries.filter((entry) => entry.kind === 'file').filter(({ transfer }) => transfer.state === 'done');
}
