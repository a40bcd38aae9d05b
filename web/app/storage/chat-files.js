/**
 * Storage of the files of chats: each under its id, for as long as its entry is there.
 * @module
 */

/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('./encrypted-database.js').EncryptedDatabase} EncryptedDatabase */

/** Larger files are kept by who saves them. */
export const MAX_KEPT_FILE_BYTES = 16_000_000;

/** Files that are stored, by their chats. */
export class ChatFiles {
  /** @type {WeakMap<Chat, Set<string>>} their ids */
  #stored = new WeakMap();

  /**
   * Write those that are not stored yet.
   * @param {EncryptedDatabase} database
   * @param {Chat} chat
   */
  async write(database, chat) {
    const stored = this.#of(chat);
    for (const entry of chat.entries) {
      if (entry.kind !== 'file' || !entry.blob || stored.has(entry.id) || entry.blob.size > MAX_KEPT_FILE_BYTES) continue;
      stored.add(entry.id);
      await database.put('files', entry.id, await entry.blob.arrayBuffer());
    }
  }

  /**
   * Delete the files of entries that were dropped: there were too many, or they are too old.
   * @param {EncryptedDatabase} database
   * @param {Chat} chat
   */
  async deleteDropped(database, chat) {
    const present = new Set(chat.entries.map((entry) => (entry.kind === 'file' ? entry.id : '')));
    const stored = this.#of(chat);
    for (const id of [...stored].filter((each) => !present.has(each))) {
      stored.delete(id);
      await database.delete('files', id);
    }
  }

  /**
   * Read the files of a chat that was read.
   * @param {EncryptedDatabase} database
   * @param {Chat} chat
   * @param {readonly any[]} records of all its entries, also of those that are too old
   * @param {ReadonlyMap<string, Blob>} known those that need not be read
   */
  async read(database, chat, records, known) {
    this.#stored.set(chat, new Set(records.filter(({ kind, state }) => kind === 'file' && state === 'done').map(({ id }) => id)));
    for (const entry of chat.entries) {
      if (entry.kind !== 'file' || entry.transfer.state !== 'done') continue;
      entry.blob = known.get(entry.id) ?? null;
      const content = entry.blob ? undefined : await database.get('files', entry.id);
      if (content) entry.blob = new Blob([content], { type: entry.transfer.type });
    }
  }

  /** @param {Chat} chat whose files are deleted */
  forget(chat) {
    this.#stored.delete(chat);
  }

  /** @param {Chat} chat */
  #of(chat) {
    const stored = this.#stored.get(chat) ?? new Set();
    this.#stored.set(chat, stored);
    return stored;
  }
}

/**
 * @param {Chat} chat
 * @returns {Map<string, Blob>} its files by their ids
 */
export function blobsOf({ entries }) {
  return new Map(entries.flatMap((entry) => (entry.kind === 'file' && entry.blob ? [[entry.id, entry.blob]] : [])));
}

/** @param {Chat} chat */
export function fileIds({ entries }) {
  return entries.flatMap((entry) => (entry.kind === 'file' ? [entry.id] : []));
}
