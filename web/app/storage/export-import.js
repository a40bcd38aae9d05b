/**
 * Export of everything that the app keeps, as one sealed file, and its import elsewhere, where it is merged.
 *
 * The identity is not in it: its key can't be extracted (docs/decisions/0014).
 * @module
 */

import { block } from '../../client/call-screening.js';
import { Store } from '../../client/store.js';
import { recall, remember } from '../browser-storage.js';
import { saveContact } from '../contacts.js';
import { chatWith } from '../state.js';
import { decodeRecord, encodeRecord } from './exported-records.js';
import { SealedFileWriter, readSealedFile } from './sealed-file.js';
import { MAX_FILE_BYTES } from './talk-keeper.js';
import { fromRecord, toRecord } from './talk-records.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../state.js').Entry} Entry */
/** @typedef {import('../state.js').FileEntry} FileEntry */

/** What was added by an import.
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
      if (!blob || blob.size > MAX_FILE_BYTES) continue;
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
  for await (const frame of readSealedFile(file, passphrase)) decodeRecord(frame);
  const added = { people: 0, entries: 0, files: 0 };
  /** @type {Map<string, FileEntry>} */
  const awaited = new Map();
  for await (const frame of readSealedFile(file, passphrase)) {
    const record = decodeRecord(frame);
    if (record.type === 'people') await mergePeople(app, record, added);
    else if (record.type === 'talk') mergeTalk(app, record, added).forEach((entry) => awaited.set(entry.id, entry));
    else addFile(awaited.get(record.id), record.content, added);
  }
  await app.talks.flush();
  app.changed();
  return added;
}

/**
 * Names and settings that are here stay.
 * @param {App} app
 * @param {import('./exported-records.js').PeopleRecord} record
 * @param {Added} added
 */
async function mergePeople({ state }, { contacts, blocked, settings }, added) {
  for (const { address, name } of contacts) {
    const known = state.contacts.get(address);
    if (known?.name || (known && !name) || address === state.identity?.address) continue;
    state.contacts.set(address, await saveContact(address, name));
    if (!known) added.people += 1;
  }
  for (const address of blocked) await Store.use((store) => block(store, address));
  state.screening = { ...state.screening, blocked: new Set([...state.screening.blocked, ...blocked]) };
  if (recall('whisper.name') === null) remember('whisper.name', settings.name || null);
  if (recall('whisper.language') === null) remember('whisper.language', settings.language || null);
}

/**
 * @param {App} app
 * @param {import('./exported-records.js').TalkFrame} record
 * @param {Added} added
 * @returns {FileEntry[]} whose content may come
 */
function mergeTalk({ state }, { address, talk }, added) {
  if (address === state.identity?.address) return [];
  const chat = chatWith(state, address);
  const { entries, draft, says } = fromRecord(talk, 0);
  const fresh = missingIn(chat.entries, entries);
  chat.entries = [...chat.entries, ...fresh].sort((one, other) => one.at.getTime() - other.at.getTime());
  chat.draft ||= draft;
  chat.says ||= says;
  added.entries += fresh.length;
  return filesOf(fresh);
}

/**
 * @param {FileEntry | undefined} entry
 * @param {import('./sealed-file.js').Bytes} content
 * @param {Added} added
 */
function addFile(entry, content, added) {
  if (!entry) return;
  entry.blob = new Blob([content], { type: entry.transfer.type });
  added.files += 1;
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
  return [entry.kind, entry.at.getTime(), entry.kind === 'text' && entry.mine, entry.text].join();
}

/**
 * @param {readonly Entry[]} entries
 * @returns {FileEntry[]} that have come whole
 */
function filesOf(entries) {
  return entries.filter((entry) => entry.kind === 'file').filter(({ transfer }) => transfer.state === 'done');
}
