/**
 * Chat repository: what changes of a chat is written, and is there again when the page opens.
 * @module
 */

import { chatWith } from '../state.js';
import { changesOf, describe } from './chat-blocks.js';
import { ChatFiles, blobsOf, fileIds } from './chat-files.js';
import { toEntries } from './chat-records.js';
import { findContact } from './contacts.js';
import { EncryptedDatabase, blocksOf } from './encrypted-database.js';
import { recall, remember } from './web-storage.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('./chat-blocks.js').Stored} Stored */
/** @typedef {'ever' | 'month' | 'close'} KeepFor */

const MONTH_MS = 30 * 86_400_000;
/** A change is written at once, the next so long after it: one letter more makes no other record. */
const WRITE_AFTER_MS = 250;
/** A million a second: who changes long messages without end wears out no disk. */
const MAX_CHARACTERS_PER_MS = 1000;
const CHANNEL = 'whisper-talks';

/** Repository of all chats. */
export class ChatRepository {
  #app;
  /** @type {EncryptedDatabase | null} */ #database = null;
  /** @type {Map<string, Stored>} by address */ #stored = new Map();
  #files = new ChatFiles();
  #channel = new BroadcastChannel(CHANNEL);
  #timer = 0;
  #nextWriteAt = 0;
  /** @type {Promise<void>} one write after the other: an older one must not come last */ #writing = Promise.resolve();
  /** @type {Set<string>} the chats that another window has written, and that are to be read */ #stale = new Set();
  /** @type {Promise<void>} */ #reading = Promise.resolve();

  /** @param {App} app */
  constructor(app) {
    this.#app = app;
    for (const event of ['pagehide', 'visibilitychange']) window.addEventListener(event, () => this.#writeNow()); // a phone may end a hidden page
    this.#channel.onmessage = ({ data }) => this.#follow(data);
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
    if (!this.#database) this.#app.state.dropped = []; // nothing is stored
    if (!this.#database || this.#timer) return;
    const wait = Math.max(0, this.#nextWriteAt - performance.now());
    this.#timer = window.setTimeout(() => this.#writeNow(), wait);
  }

  #writeNow() {
    this.flush().catch((error) => this.#app.notices.alert(error, { key: 'chats' }));
  }

  /** Write what has changed, now. */
  async flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    await this.#inTurn(() => this.#write());
  }

  /** @param {() => Promise<void>} change */
  #inTurn(change) {
    const turn = this.#writing.then(change);
    this.#writing = turn.catch(() => undefined);
    return turn;
  }

  /**
   * Forget a chat, here and in the storage.
   * @param {string} address
   */
  async delete(address) {
    const chat = this.#app.state.chats.get(address);
    const files = chat ? fileIds(chat) : [];
    if (chat) this.#files.forget(Object.assign(chat, { entries: [], draft: '', unread: 0, missed: 0, forgotten: false }));
    await this.#inTurn(() => this.#forget(address, files));
    this.#app.changed();
  }

  /**
   * Keep a chat under the address that it has now, and no longer under *old*.
   * @param {string} old
   */
  async move(old) {
    await this.flush();
    await this.#inTurn(() => this.#forget(old, []));
  }

  /**
   * @param {string} address
   * @param {readonly string[]} files their ids
   */
  async #forget(address, files) {
    this.#stored.delete(address);
    /** @type {Parameters<EncryptedDatabase['write']>[0]['deletes']} */
    const deletes = [['talks', address], ['entries', blocksOf(address)], ...files.map((id) => /** @type {['files', string]} */ (['files', id]))];
    await this.#database?.write({ deletes });
    this.#channel.postMessage(address);
  }

  async #write() {
    const database = this.#database;
    if (!database) return;
    for (const dropped of this.#app.state.dropped.splice(0)) {
      if (!(await findContact(dropped.address))) await this.#forget(dropped.address, fileIds(dropped)); // else another window knows them
    }
    for (const chat of this.#app.state.chats.values()) {
      const { address } = chat;
      const changes = changesOf(chat, this.#stored.get(address));
      if (!changes) continue;
      const { stored } = changes;
      this.#stored.set(address, stored);
      try {
        await this.#files.write(database, chat);
        await this.#writeChanges(database, address, changes);
        await this.#files.deleteDropped(database, chat);
      } catch (error) {
        stored.isStored = false; // all of it is tried again with the next change
        throw error;
      }
      this.#channel.postMessage(address);
    }
  }

  /**
   * @param {EncryptedDatabase} database
   * @param {string} address
   * @param {import('./chat-blocks.js').Changes} changes
   */
  async #writeChanges(database, address, { stored, blocks, deleted }) {
    /** @type {['entries', [string, number], string][]} */
    const puts = blocks.map(([number, json]) => ['entries', [address, number], json]);
    /** @type {['entries', [string, number] | IDBKeyRange][]} */
    const deletes = deleted === 'all' ? [['entries', blocksOf(address)]] : deleted.map((number) => ['entries', [address, number]]);
    const characters = blocks.reduce((sum, [, json]) => sum + json.length, 0);
    this.#nextWriteAt = Math.max(this.#nextWriteAt, performance.now() + Math.max(WRITE_AFTER_MS, characters / MAX_CHARACTERS_PER_MS));
    await database.write({ deletes, puts: [['talks', address, stored.head], ...puts] });
  }

  /**
   * @param {string} address
   * @returns {Promise<boolean>} whether there is such a chat
   */
  async #read(address) {
    const database = this.#database;
    const record = await database?.get('talks', address);
    if (!database || !record) return false;
    const since = this.keepFor === 'month' ? Date.now() - MONTH_MS : 0;
    /** @type {import('./chat-records.js').ChatHead & {entries?: any[]}} with its entries, if it was kept in one record */
    const { draft, unread, missed, says = '', entries: unparted = [] } = parse(record);
    const read = (await database.blocks(address)).map(({ number, content }) => ({ number, records: /** @type {any[]} */ (parse(content)) }));
    const blocks = read.map(({ number, records }) => ({ number, entries: toEntries(records, since) }));
    const chat = chatWith(this.#app.state, address);
    const known = blobsOf(chat);
    Object.assign(chat, { entries: [...toEntries(unparted, since), ...blocks.flatMap(({ entries }) => entries)], draft, unread, missed, says });
    const records = [...unparted, ...read.flatMap((block) => block.records)];
    const isWhole = unparted.length === 0 && chat.entries.length === records.length;
    const stored = describe(chat, blocks);
    this.#stored.set(address, isWhole ? stored : { ...stored, head: '', isStored: false }); // it is written again, in blocks, without what is too old
    await this.#files.read(database, chat, records, known);
    return true;
  }

  /**
   * Another window has written a chat: read it, once for all that is written meanwhile.
   * @param {string} address
   */
  #follow(address) {
    const stored = this.#stored.get(address);
    if (stored) stored.isStored = false; // what is in the storage is not what was written here
    if (this.#stale.has(address)) return;
    this.#stale.add(address);
    this.#reading = this.#reading.then(() => this.#readAgain(address)).catch((error) => this.#app.notices.alert(error, { key: 'chats' }));
  }

  /** @param {string} address */
  async #readAgain(address) {
    this.#stale.delete(address);
    const chat = this.#app.state.chats.get(address);
    if (chat && (chat.phase !== 'idle' || this.#app.state.selected === address)) return; // who is connected here has the newer one
    const isThere = await this.#read(address); // until then what is here stays: an empty chat would be written
    if (chat && !isThere) {
      chat.entries = [];
      this.#stored.delete(address);
    }
    this.#app.changed();
  }
}

const parse = (/** @type {ArrayBuffer} */ record) => JSON.parse(new TextDecoder().decode(record));
