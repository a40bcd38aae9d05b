/**
 * Records of an export: what is in its frames, written and read. Pure.
 *
 * Whoever has made a file and told its passphrase may have put anything into it: every record is checked, and only known members are taken.
 * @module
 */

import { isAddress } from '../../client/whisper.js';
import { MAX_ENTRIES } from '../chat/entries.js';
import { isEmoji, isMessageId } from '../chat/message-parser.js';
import { cleanName } from '../display-names.js';
import { MAX_KEPT } from '../format.js';
import { SealedFileError } from './sealed-file.js';

/** @typedef {import('./sealed-file.js').Bytes} Bytes */
/** @typedef {import('./chat-records.js').ChatRecord} ChatRecord */
/** @typedef {import('./contacts.js').Contact} Contact */

/** `content` of a file frame: its bytes.
 * @typedef {{type: 'people', contacts: Contact[], blocked: string[], settings: {name: string, language: string}}} PeopleRecord
 * @typedef {{type: 'talk', address: string, talk: ChatRecord}} ChatFrame a chat, by the word that files of before have
 * @typedef {{type: 'file', id: string, content: Bytes}} FileFrame
 * @typedef {PeopleRecord | ChatFrame | FileFrame} ExportRecord
 */

const NEWLINE = 10;
/** More people than anybody knows: a browser would be busy with them for minutes. */
const MAX_PEOPLE = 10_000;
/** Of notes, names and types: they are shown as they are. */
const MAX_SHORT = 1000;
const MARKS = ['sent', 'delivered', 'read', 'failed'];
const NO_REACTIONS = Object.freeze({ mine: '', theirs: '' });

/**
 * @param {ExportRecord} record
 * @returns {Bytes} a line of JSON, and the content of a file
 */
export function encodeRecord(record) {
  const { content = new Uint8Array(), ...members } = /** @type {Partial<FileFrame>} */ (record);
  const line = new TextEncoder().encode(`${JSON.stringify(members)}\n`);
  const frame = new Uint8Array(line.length + content.length);
  frame.set(line);
  frame.set(content, line.length);
  return frame;
}

/**
 * @param {Bytes} frame
 * @returns {ExportRecord}
 * @throws {SealedFileError} `damaged_export` for what no export has
 */
export function decodeRecord(frame) {
  try {
    const end = frame.indexOf(NEWLINE);
    const record = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(frame.subarray(0, end)));
    if (record.type === 'people') return readPeople(record);
    if (record.type === 'talk') return { type: 'talk', address: addressIn(record.address), talk: readChat(record.talk) };
    if (record.type === 'file') return { type: 'file', id: textIn(record.id), content: frame.subarray(end + 1) };
    throw new TypeError('another type');
  } catch (cause) {
    throw new SealedFileError('damaged_export', cause);
  }
}

/**
 * @param {any} record
 * @returns {PeopleRecord}
 */
function readPeople({ contacts, blocked, settings }) {
  if (contacts.length + blocked.length > MAX_PEOPLE) throw new RangeError('too many people');
  return {
    type: 'people',
    contacts: contacts.map((/** @type {any} */ contact) => ({ address: addressIn(contact.address), name: cleanName(textIn(contact.name)) })),
    blocked: blocked.map(addressIn),
    settings: { name: cleanName(textIn(settings.name)), language: textIn(settings.language, MAX_SHORT) },
  };
}

/**
 * @param {any} talk
 * @returns {ChatRecord}
 */
function readChat({ entries, draft, says = '' }) {
  if (entries.length > MAX_ENTRIES) throw new RangeError('too many entries');
  return { entries: entries.map(readEntry), draft: textIn(draft, Infinity).slice(0, MAX_KEPT), unread: 0, missed: 0, says: cleanName(textIn(says)) };
}

/** @param {any} entry */
function readEntry(entry) {
  const { kind } = entry;
  const at = new Date(numberIn(entry.at)).getTime();
  if (Number.isNaN(at)) throw new TypeError('no time');
  if (kind === 'note') return { kind, at, text: textIn(entry.text, MAX_SHORT) };
  const shared = { at, mine: entry.mine === true, messageId: idIn(entry.messageId), reactions: readReactions(entry.reactions) };
  if (kind === 'file') {
    const state = entry.state === 'done' ? 'done' : 'failed';
    return { kind, ...shared, id: textIn(entry.id, MAX_SHORT), name: textIn(entry.name, MAX_SHORT), type: textIn(entry.type, MAX_SHORT), size: numberIn(entry.size), state };
  }
  if (kind !== 'text') throw new TypeError('another kind');
  const mark = MARKS.includes(entry.mark) ? entry.mark : 'failed'; // nothing that waited there is sent from here
  return { kind, ...shared, text: textIn(entry.text), isCode: entry.isCode === true, mark, reply: idIn(entry.reply), edits: numberIn(entry.edits ?? 0) };
}

/** @param {any} [reactions] */
function readReactions({ mine, theirs } = NO_REACTIONS) {
  return { mine: emojiIn(mine), theirs: emojiIn(theirs), isUntold: false };
}

/** @param {unknown} value */
function emojiIn(value) {
  const text = textIn(value);
  return isEmoji(text) ? text : ''; // another browser may know newer ones
}

/** @param {unknown} value of a message, which need not have one */
function idIn(value) {
  return value != null && isMessageId(textIn(value)) ? value : null;
}

/** @param {unknown} value */
function addressIn(value) {
  const address = textIn(value);
  if (!isAddress(address)) throw new TypeError('no address');
  return address;
}

/**
 * @param {unknown} value
 * @param {number} [longest]
 */
function textIn(value, longest = MAX_KEPT) {
  if (typeof value !== 'string' || value.length > longest) throw new TypeError('no text');
  return value;
}

/** @param {unknown} value */
function numberIn(value) {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw new TypeError('no number');
  return Number(value);
}
