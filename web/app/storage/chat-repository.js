/**
 * Chat repository: each chat is written when it changes, and is there again when the page opens.
 * @module
 */

import { chatWith } from '../state.js';
import { fingerprint, fromRecord, toRecord } from './chat-records.js';
import { EncryptedDatabase } from './encrypted-database.js';
import { recall, remember } from './web-storage.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {'ever' | 'month' | 'close'} KeepFor */

const MONTH_MS = 30 * 86_400_000;
/** A change is written at once, the next so long after it: one letter more makes no other record. */
const WRITE_AFTER_MS = 250;
/** Larger files are kept by who saves them. */
export const MAX_KEPT_FILE_BYTES = 16_000_000;
const CHANNEL = 'whisper-talks';

/** Repository of all chats. */
export class ChatRepository {
  #app;
  /** @type {EncryptedDatabase | null} */ #database = null;
  /** @type {Map<string, string>} fingerprints of what is kept, by address */ #kept = new Map();
  /** @type {WeakMap<Chat, Set<string>>} the ids of the files that are kept of each */ #files = new WeakMap();
  #channel = new BroadcastChannel(CHANNEL);
  #timer = 0;
  #writtenAt = 0;

  /** @param {App} app */
  constructor(app) {
    this.#app = app;
    window.addEventListener('pagehide', () => this.#timer && this.#writeNow());
    this.#channel.onmessage = ({ data }) => void this.#follow(data);
  }

  /** @returns {KeepFor} */
  get keepFor() {
    const chosen = recall('whisper.keep');
    return chosen === 'month' || chosen === 'close' ? chosen : 'ever';
  }

  /** @param {KeepFor} choice */
  set keepFor(choice) {
    remember('whisper.keep', choice === 'ever' ? null : choice);
  }

  /** Read every chat into the state. Where the browser keeps nothing, chats last as long as the page. */
  async restore() {
    try {
      this.#database ??= await EncryptedDatabase.open();
      const isNewSession = recall('whisper.session') === null;
      remember('whisper.session', 'yes');
      if (isNewSession && this.keepFor === 'close') await this.#database.clear();
      for (const address of await this.#database.names('talks')) await this.#read(address);
    } catch (error) {
      this.#app.notices.alert(error, { key: 'chats' });
    }
    this.#app.changed();
  }

  /** Write what has changed, soon: call it with each drawing. */
  save() {
    if (!this.#database || this.#timer) return;
    const wait = Math.max(0, this.#writtenAt + WRITE_AFTER_MS - performance.now());
    this.#timer = window.setTimeout(() => this.#writeNow(), wait);
  }

  #writeNow() {
    this.flush().catch((error) => this.#app.notices.alert(error, { key: 'chats' }));
  }

  /** Write what has changed, now. */
  async flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    await this.#write();
  }

  /**
   * Forget a chat, here and in the storage.
   * @param {string} address
   */
  async delete(address) {
    const chat = this.#app.state.chats.get(address);
    const files = chat?.entries.filter((entry) => entry.kind === 'file') ?? [];
    if (chat) Object.assign(chat, { entries: [], draft: '', unread: 0, missed: 0, forgotten: false });
    if (chat) this.#files.delete(chat);
    this.#kept.delete(address);
    await Promise.all(files.map(({ id }) => this.#database?.delete('files', id)));
    await this.#database?.delete('talks', address);
    this.#channel.postMessage(address);
    this.#app.changed();
  }

  /**
   * Keep a chat under the address that it has now, and no longer under *old*.
   * @param {string} old
   */
  async move(old) {
    await this.#write();
    this.#kept.delete(old);
    await this.#database?.delete('talks', old);
    this.#channel.postMessage(old);
  }

  async #write() {
    const database = this.#database;
    if (!database) return;
    for (const chat of this.#app.state.chats.values()) {
      const now = fingerprint(chat);
      const isEmpty = !chat.entries.length && !chat.draft;
      if (this.#kept.get(chat.address) === now || (isEmpty && !this.#kept.has(chat.address))) continue;
      this.#kept.set(chat.address, now);
      this.#writtenAt = performance.now();
      await this.#writeFiles(database, chat);
      await database.put('talks', chat.address, new TextEncoder().encode(JSON.stringify(toRecord(chat))));
      await this.#deleteDropped(database, chat);
      this.#channel.postMessage(chat.address);
    }
  }

  /**
   * @param {EncryptedDatabase} database
   * @param {Chat} chat
   */
  async #writeFiles(database, chat) {
    const kept = this.#filesOf(chat);
    for (const entry of chat.entries) {
      if (entry.kind !== 'file' || !entry.blob || kept.has(entry.id) || entry.blob.size > MAX_KEPT_FILE_BYTES) continue;
      kept.add(entry.id);
      await database.put('files', entry.id, await entry.blob.arrayBuffer());
    }
  }

  /**
   * Delete the files of entries that were dropped: there were too many, or they are too old.
   * @param {EncryptedDatabase} database
   * @param {Chat} chat
   */
  async #deleteDropped(database, chat) {
    const present = new Set(chat.entries.map((entry) => (entry.kind === 'file' ? entry.id : '')));
    const kept = this.#filesOf(chat);
    for (const id of [...kept].filter((each) => !present.has(each))) {
      kept.delete(id);
      await database.delete('files', id);
    }
  }

  /** @param {Chat} chat */
  #filesOf(chat) {
    const kept = this.#files.get(chat) ?? new Set();
    this.#files.set(chat, kept);
    return kept;
  }

  /**
   * @param {string} address
   * @returns {Promise<boolean>} whether there is such a chat
   */
  async #read(address) {
    const record = await this.#database?.get('talks', address);
    if (!record) return false;
    const since = this.keepFor === 'month' ? Date.now() - MONTH_MS : 0;
    const chat = chatWith(this.#app.state, address);
    /** @type {import('./chat-records.js').ChatRecord} */
    const kept = JSON.parse(new TextDecoder().decode(record));
    Object.assign(chat, fromRecord(kept, since));
    this.#files.set(chat, new Set(kept.entries.filter(({ kind, state }) => kind === 'file' && state === 'done').map(({ id }) => id)));
    const isWhole = chat.entries.length === kept.entries.length;
    this.#kept.set(address, isWhole ? fingerprint(chat) : ''); // '': it is written again, without what is too old
    for (const entry of chat.entries) {
      if (entry.kind !== 'file' || entry.transfer.state !== 'done') continue;
      const content = await this.#database?.get('files', entry.id);
      if (content) entry.blob = new Blob([content], { type: entry.transfer.type });
    }
    return true;
  }

  /**
   * Another window has written a chat. Who is connected here has the newer one.
   * @param {string} address
   */
  async #follow(address) {
    const chat = this.#app.state.chats.get(address);
    if (chat && (chat.phase !== 'idle' || this.#app.state.selected === address)) return;
    const isThere = await this.#read(address); // until then what is here stays: an empty chat would be written
    if (chat && !isThere) {
      chat.entries = [];
      this.#kept.delete(address);
    }
    this.#app.changed();
  }
}
